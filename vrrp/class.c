#include "vrrp/class.h"

uint8_t vrrp_priority_of_class(uint8_t configured, enum vrrp_class c) {
        switch (c) {
        case VRRP_HEALTHY:
                return configured;
        case VRRP_DEGRADED:
                return configured < 4 ? 2 : configured / 2;
        case VRRP_FAILED:
                break;
        }
        return 1;
}

enum vrrp_class vrrp_class_of_priority(uint8_t own, uint8_t heard) {
        if (heard <= 1)
                return VRRP_FAILED;
        return own >= 128 && heard < 128 ? VRRP_DEGRADED : VRRP_HEALTHY;
}

uint32_t vrrp_skew_us(uint8_t priority, uint32_t interval_us) {
        return (uint32_t)((uint64_t)(256 - priority) * interval_us / 256);
}

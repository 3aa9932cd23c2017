/* What every use of libcurl here has in common. Whatever proxy the environment names, no question of
 * triarch's goes through it; the caller's own options come after. */
#ifndef AGENT_CURL_H
#define AGENT_CURL_H

#include <curl/curl.h>

/* protocols: "https" or "http,https", whatever a URL or a redirect may say. */
static inline void curl_defaults(CURL *easy, const char *url, const char *protocols) {
        curl_easy_setopt(easy, CURLOPT_URL, url);
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
}

/* Mutual TLS with this CA as the only anchor. cert_file and key_file may be NULL: no certificate of ours. */
static inline void curl_mutual_tls(CURL *easy, const char *ca_file, const char *cert_file,
                                   const char *key_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        curl_easy_setopt(easy, CURLOPT_SSLCERT, cert_file);
        curl_easy_setopt(easy, CURLOPT_SSLKEY, key_file);
}

#endif

# Sourced: what tests need of the host's distribution.

# patiently COMMAND...: a mirror that does not answer for a moment, or another apt at work, is no reason to fail.
patiently() {
	local pause
	for pause in 10 20 30; do
		"$@" && return
		echo "$1 failed; again in $pause s" >&2
		sleep $pause
	done
	"$@"
}

apt_get() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300 "$@" >/dev/null
}

update_and_install() {
	apt_get update && apt_get install -y --no-install-recommends "$@"
}

install_now() { # PACKAGE...
	patiently update_and_install "$@"
}

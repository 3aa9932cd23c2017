# Sourced: one test, and a second run of it when the first fails. For tests whose bounds are in real time, on a machine
# that others may keep busy. What a failed first run said comes at the end (said_first); what failed twice, where it
# happened and again at the end (said_failed), so that the end of a long log tells what to look at.

first_logs=() failed_logs=() again=

# On a terminal line by line, else at once when it has ended. One that hangs is ended after $TEST_SECONDS.
logged() { # LOG COMMAND...
	local log=$1 status
	shift
	set -- timeout --kill-after=30 "${TEST_SECONDS:-1500}" "$@"
	if [ -t 1 ]; then
		"$@" 2>&1 | tee "$log"
		return "${PIPESTATUS[0]}"
	fi
	"$@" >"$log" 2>&1
	status=$?
	[ $status != 0 ] && [ $status != 77 ] && [ -z "$again" ] || cat "$log"
	return $status
}

# The status of the last run; sets again: "", or what to say of it beside the test's name.
twice() { # LOG COMMAND...
	local log=$1 status
	again=
	logged "$@"
	status=$?
	[ $status != 0 ] && [ $status != 77 ] || return $status
	mv "$log" "$log.first"
	first_logs+=("$log.first")
	printf 'the first run ended with %d (its output: at the end, and in %s): second run\n' $status "$log.first"
	again=' (second run; the first failed)'
	logged "$@"
	status=$?
	[ $status = 0 ] || [ $status = 77 ] || failed_logs+=("$log")
	return $status
}

said_first() {
	local log
	for log in "${first_logs[@]}"; do
		printf '\n--- first run: %s\n' "$log"
		sed 's/^/  | /' "$log"
	done
}
said_failed() {
	local log
	for log in "${failed_logs[@]}"; do
		printf '\n--- failed: %s, its last 60 lines\n' "$log"
		tail -n 60 "$log"
	done
}

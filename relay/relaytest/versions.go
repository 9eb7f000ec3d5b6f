package relaytest

// PusherJSVersions are the versions of pusher-js to test with, oldest first: the
// oldest, the oldest with a Node build and the newest, or all of the matrix if
// [Full].
func PusherJSVersions() []string {
	if Full() {
		return []string{"3.0.0", "3.2.4", "4.4.0", "5.1.1", "6.0.3", "7.0.6", "7.6.0", "8.6.0"}
	}
	return []string{"3.0.0", "3.2.4", "8.6.0"}
}

// ResumableVersions are the versions of pusher-js to test resume with, oldest first:
// the oldest that it is for and the newest, or all of the matrix if [Full].
func ResumableVersions() []string {
	if Full() {
		return []string{"7.0.6", "7.6.0", "8.6.0"}
	}
	return []string{"7.0.6", "8.6.0"}
}

// EchoVersions are the versions of laravel-echo to test resume with.
func EchoVersions() []string { return []string{"1.19.0", "2.5.0"} }

// SDKVersions are the versions of the Node server SDK to test with, oldest first.
func SDKVersions() []string {
	if Full() {
		return []string{"1.5.1", "3.0.1", "5.3.4"}
	}
	return []string{"1.5.1", "5.3.4"}
}

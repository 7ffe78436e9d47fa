//go:build race

package verify_test

// everyNth thins out the tests that change each byte: the race detector makes them
// ten times as slow, and they are for other faults.
const everyNth = 23

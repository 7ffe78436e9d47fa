//go:build !race

package verify_test

const everyNth = 1

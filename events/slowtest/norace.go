//go:build !race

package slowtest

const underRace = false

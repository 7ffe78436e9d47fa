//go:build race

package slowtest

const underRace = true

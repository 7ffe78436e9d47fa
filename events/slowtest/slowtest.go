// Package slowtest marks the tests of the slow set: tests that kill processes in a loop,
// wait for a clock, or need minutes.
//
// Not here: anything that is linked into a program: only tests import it.
package slowtest

import (
	"os"
	"testing"
)

// Variable is the environment variable that selects the slow set: SAKSI_SLOW=1 runs its
// tests, and without it they skip.
const Variable = "SAKSI_SLOW"

// Enabled reports whether the slow set runs.
func Enabled() bool { return os.Getenv(Variable) == "1" }

// Pick returns how much a test that can do less does: in the fast set, in the slow set, and
// under the race detector, which makes tests slow and looks for other faults.
func Pick(fast, slow, race int) int {
	switch {
	case underRace:
		return race
	case Enabled():
		return slow
	}
	return fast
}

// Skip skips t unless the slow set runs. The reason says what makes the test slow. The
// flag -short has no effect.
func Skip(t testing.TB, reason string) {
	t.Helper()
	if !Enabled() {
		t.Skipf("slow set: %s (%s=1 runs it)", reason, Variable)
	}
}

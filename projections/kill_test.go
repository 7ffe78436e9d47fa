package projections

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/slowtest"
)

const (
	killDir    = "SAKSI_TEST_VIEWS" // set in the child that is killed
	killLeaves = 4000
)

// killScript has puts, deletes, appends, states and timers in every leaf.
func killScript() [][]step {
	script := make([][]step, killLeaves)
	for i := range script {
		row := thing{Facility: fmt.Sprint("lab-", i%7), Number: int64(i), Evidence: events.Refs{{Leaf: uint64(i)}}, Open: i%3 == 0}
		script[i] = []step{
			{op: "put", key: fmt.Sprint("k", i%50), row: row},
			{op: "append", key: fmt.Sprint("n", i), row: row},
			{op: "count", key: fmt.Sprint(i % 20)},
			{op: "at", key: fmt.Sprint("a", i%30), due: time.Duration(i%40) * time.Minute},
			{op: "grow", key: fmt.Sprint("k", i%9)},
			{op: "delete", key: fmt.Sprint("k", i%11*5)},
		}
	}
	return script
}

// replayScript goes on from wherever the views in dir are.
func replayScript(t *testing.T, dir string) {
	e := openEngine(t, dir, scripted(killScript()))
	facts := scriptFacts(killScript())
	for next := e.Position().Size; next < killLeaves; next = e.Position().Size {
		must(t, e.Apply(t.Context(), facts[next:min(killLeaves, next+1+next%13)]))
	}
	must(t, e.Close())
}

// TestKill kills a process that writes views, again and again; what comes out is
// what comes of writing them undisturbed.
func TestKill(t *testing.T) {
	if dir := os.Getenv(killDir); dir != "" {
		replayScript(t, dir)
		return
	}
	slowtest.Skip(t, "kills the writer of views in a loop")
	whole := viewsDir(t)
	replayScript(t, whole)
	want := openStore(t, whole, scripted(nil))
	rounds := 4
	if n, err := strconv.Atoi(os.Getenv("SAKSI_CRASH_ROUNDS")); err == nil {
		rounds = n
	}
	dir := viewsDir(t)
	watch := openStore(t, dir, scripted(nil))
	for round := range rounds {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill$")
		child.Env = append(os.Environ(), killDir+"="+dir)
		must(t, child.Start())
		until := uint64(killLeaves*(2*round+1)/(2*rounds)) + rand.Uint64N(100)
		for at := uint64(0); at < until; {
			p, err := watch.Position(t.Context())
			if err == nil { // there may be none yet
				at = p.Size
			}
		}
		must(t, child.Process.Kill())
		if err := child.Wait(); err == nil {
			t.Fatal("the process had ended before it was killed")
		}
	}
	replayScript(t, dir)
	got := openStore(t, dir, scripted(nil))
	for size := uint64(0); size <= killLeaves; size += 200 {
		if a, b := digestOf(t, got, "things", size), digestOf(t, want, "things", size); a != b {
			t.Fatalf("as of %d leaves the digest is %s: want %s", size, a, b)
		}
	}
	for after := uint64(0); ; {
		a, err := got.Changes(t.Context(), "things", after, 0)
		must(t, err)
		b, err := want.Changes(t.Context(), "things", after, 0)
		must(t, err)
		if len(a) != len(b) {
			t.Fatalf("%d changes after %d: want %d", len(a), after, len(b))
		}
		for i := range a {
			if a[i].Number != b[i].Number || a[i].Key != b[i].Key || a[i].Kind != b[i].Kind || a[i].Leaf != b[i].Leaf {
				t.Fatalf("change %+v: want %+v", a[i], b[i])
			}
		}
		if len(a) == 0 {
			break
		}
		after = a[len(a)-1].Number
	}
}

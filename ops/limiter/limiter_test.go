package limiter

import (
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/ledger"
)

// node is a Limiter with a clock, and counters as a broker keeps them.
type node struct {
	*testing.T
	*Limiter
	now  time.Time
	sent map[string]Sent
}

func newNode(t *testing.T, l Limits) *node {
	n := &node{T: t, Limiter: New(l), now: time.Unix(1_000_000, 0), sent: map[string]Sent{"calm": {}, "wild": {}}}
	n.look()
	return n
}

func (n *node) send(party string, messages, bytes uint64) {
	s := n.sent[party]
	s.Messages += messages
	s.Bytes += bytes
	n.sent[party] = s
}

func (n *node) took(party string, messages, bytes, wasted int64) {
	n.Took(map[string]ledger.Tally{party: {Messages: messages, Bytes: bytes, Wasted: wasted, WastedBytes: wasted * 100}})
}

func (n *node) look() ([]Hold, []string) {
	n.now = n.now.Add(50 * time.Millisecond)
	return n.Look(n.now, n.sent)
}

// holds fails unless one party is to be held from now on, for this reason.
func (n *node) holds(reason Reason) Hold {
	n.Helper()
	hold, release := n.look()
	if len(hold) != 1 || hold[0].Party != "wild" || hold[0].Reason != reason || hold[0].What == "" || len(release) > 0 {
		n.Fatalf("held are %+v, let go %v: want wild for %s", hold, release, reason)
	}
	return hold[0]
}

func (n *node) nobody() {
	n.Helper()
	if hold, release := n.look(); len(hold)+len(release) > 0 {
		n.Fatalf("held are %+v, let go %v: want nobody", hold, release)
	}
}

func TestCrowding(t *testing.T) {
	n := newNode(t, Limits{})
	n.send("wild", 16_000, 1<<20)
	n.send("calm", 4096, 32<<20) // as much as an outbox has
	n.nobody()
	n.took("wild", 10_000, 1<<19, 0)
	n.send("wild", 10_000, 1<<19)
	n.nobody()
	n.send("wild", 2000, 1<<10)
	n.holds(Crowding)
	n.nobody()
	if _, held := n.Held("calm"); held {
		t.Error("who keeps within its share is held with the other")
	}
}

func TestCrowdingByBytes(t *testing.T) {
	n := newNode(t, Limits{})
	n.send("wild", 129, 65<<20)
	n.holds(Crowding)
}

// A ledger that keeps up is crowded by nobody, however much is sent.
func TestWhoIsKeptUpWith(t *testing.T) {
	n := newNode(t, Limits{})
	for range 10_000 {
		n.send("wild", 1000, 1_000_000)
		n.nobody()
		n.took("wild", 1000, 1_000_000, 0)
	}
}

func TestWasting(t *testing.T) {
	n := newNode(t, Limits{})
	n.send("wild", 4000, 1<<20)
	n.took("wild", 4000, 1<<20, 4000)
	n.nobody()
	n.send("wild", 200, 1<<10)
	n.took("wild", 200, 1<<10, 200)
	n.holds(Wasting)
}

// One rejection a second, for a day, is nobody's flood.
func TestWastingALittle(t *testing.T) {
	n := newNode(t, Limits{})
	for range 86_400 {
		n.now = n.now.Add(time.Second)
		n.send("wild", 1, 100)
		n.took("wild", 1, 100, 1)
		n.nobody()
	}
}

// Questions, and what the broker refuses, have no leaf: a few a second are forgotten.
func TestWhatHasNoLeaf(t *testing.T) {
	n := newNode(t, Limits{})
	for range 86_400 {
		n.now = n.now.Add(time.Second)
		n.send("wild", 400, 40_000)
		n.nobody()
	}
	for range 32 {
		n.send("wild", 500, 500)
		n.nobody()
	}
	n.send("wild", 2000, 2000)
	n.holds(Crowding)
}

func TestRation(t *testing.T) {
	n := newNode(t, Limits{LeastRation: 1 << 20})
	n.Room(100<<20, 100<<30)
	n.send("wild", 10, 9<<20)
	n.took("wild", 10, 9<<20, 0)
	n.nobody()
	n.send("wild", 10, 2<<20)
	n.took("wild", 10, 2<<20, 0)
	n.holds(Rationed)
}

// Each hold is twice as long as the one before, up to the longest; in between
// half of what was used up is free again; and it is forgotten.
func TestDoubling(t *testing.T) {
	n := newNode(t, Limits{Hold: time.Minute, LongestHold: 5 * time.Minute})
	misbehave := func() Hold {
		n.send("wild", 20_000, 1<<20)
		h := n.holds(Crowding)
		n.took("wild", 20_000, 1<<20, 0)
		return h
	}
	atone := func(h Hold) {
		t.Helper()
		n.now = h.Until.Add(-time.Second)
		n.nobody()
		n.now = h.Until
		if hold, release := n.look(); len(hold) != 0 || len(release) != 1 || release[0] != "wild" {
			t.Fatalf("at the end: held are %+v, let go %v", hold, release)
		}
	}
	for strikes, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
		h := misbehave()
		if got := h.Until.Sub(h.Since); got != want || h.Strikes != strikes+1 {
			t.Errorf("hold %d lasts %s, with %d strikes: want %s", strikes+1, got, h.Strikes, want)
		}
		atone(h)
	}
	n.now = n.now.Add(2 * time.Hour)
	n.nobody()
	if h := misbehave(); h.Strikes != 1 {
		t.Errorf("long after the last: %+v", h)
	}
}

func TestDiskFull(t *testing.T) {
	n := newNode(t, Limits{Reserve: 1 << 30})
	if n.Room(0, 1<<29) {
		t.Error("it takes with half of its reserve free")
	}
	if hold, _ := n.look(); len(hold) != 2 || hold[0].Reason != DiskFull || hold[1].Strikes != 0 {
		t.Fatalf("held are %+v: want all", hold)
	}
	n.now = n.now.Add(time.Hour)
	n.nobody()
	if n.Room(1<<27, 1<<30+1<<27) {
		t.Error("it takes again as soon as the reserve is free: to and fro")
	}
	if !n.Room(1<<30, 2<<30) {
		t.Error("it takes nothing with room again")
	}
	if hold, release := n.look(); len(hold) != 0 || len(release) != 2 {
		t.Errorf("with room again: held are %+v, let go %v", hold, release)
	}
}

// A broker that starts anew counts anew, and a node that does holds whom it held.
func TestAnew(t *testing.T) {
	n := newNode(t, Limits{})
	n.send("wild", 10_000, 1<<20)
	n.nobody()
	n.took("wild", 10_000, 1<<20, 0)
	n.sent["wild"] = Sent{Messages: 9000, Bytes: 1 << 19}
	n.nobody()
	n.send("wild", 8000, 1<<19)
	n.holds(Crowding)

	again := newNode(t, Limits{})
	again.Restore(Hold{Party: "wild", Until: again.now.Add(time.Minute), Strikes: 2})
	again.nobody()
	again.now = again.now.Add(time.Minute)
	if _, release := again.look(); len(release) != 1 {
		t.Errorf("let go %v", release)
	}
	again.send("wild", 20_000, 0)
	if h := again.holds(Crowding); h.Strikes != 3 {
		t.Errorf("after a restart: %+v", h)
	}
}

func TestNotHeld(t *testing.T) {
	n := newNode(t, Limits{})
	n.send("wild", 20_000, 0)
	n.holds(Crowding)
	n.NotHeld("wild")
	if h := n.holds(Crowding); h.Strikes != 1 {
		t.Errorf("tried again: %+v", h)
	}
}

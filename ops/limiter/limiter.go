// Package limiter decides which publisher takes more than its share of a node, and for
// how long it is throttled.
//
// All parties' messages lie in one stream and become leaves in its order, so the
// messages of one that floods it stand before everybody else's. The order is the
// ledger's first promise and isn't touched. What can be bounded is how much of one
// party lies there at a time, and how much of it is worthless: that is what is
// watched here, from what the broker counts of each account, before any of it is
// read, and from what the ledger made of it, after.
//
// A Limiter decides and does nothing: it has no clock, no broker and no disk.
//
// Not here: clocks, broker and disk. It decides, and its caller acts.
package limiter

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/saksi-ledger/saksi/ledger"
)

// Limits are how much of a node one party may take. A field that is zero is its
// default.
type Limits struct {
	// Ahead and AheadBytes bound what a party has sent that has no leaf: 16,384
	// messages and 64 MiB at once by default. An outbox keeps within a quarter and a
	// half of that; a ledger has made leaves of so much in some seconds. Questions, and
	// what the broker refuses, never have a leaf: for them 500 messages and 1 MiB are
	// forgotten each second.
	Ahead, AheadBytes Bucket
	// Waste is what of a party's messages is rejected or said before: 4,096 messages
	// and 64 MiB at once by default, and beyond that one message and 16 KiB a second.
	// Each has a leaf and a body for good, and its subject a place in the stream's
	// memory, and nobody is the wiser for it.
	Waste, WasteBytes Bucket
	// Ration is the part of the room that is left, on the disk and in the stream,
	// that a party may fill in a day: a tenth by default. LeastRation is what it may
	// fill in any case: 1 GiB by default.
	Ration      float64
	LeastRation int64
	// Hold is how long a party is held at first, a minute by default. Each further
	// time is twice as long, up to LongestHold, 6 hours by default; after as long as
	// the last one, and an hour, without a further it begins at the first again.
	Hold, LongestHold time.Duration
	// Reserve is how much of the disk stays free: with less the node takes nothing.
	// 1 GiB by default.
	Reserve int64
}

// Bucket is an allowance: so much at once, and so much more a second.
type Bucket struct{ Burst, Rate float64 }

func (b Bucket) or(burst, rate float64) Bucket {
	if b == (Bucket{}) {
		return Bucket{burst, rate}
	}
	return b
}

func (l Limits) orDefault() Limits {
	l.Ahead, l.AheadBytes = l.Ahead.or(16_384, 500), l.AheadBytes.or(64<<20, 1<<20)
	l.Waste, l.WasteBytes = l.Waste.or(4096, 1), l.WasteBytes.or(64<<20, 16<<10)
	l.Ration, l.LeastRation = cmp.Or(l.Ration, 0.1), cmp.Or(l.LeastRation, 1<<30)
	l.Hold, l.LongestHold = cmp.Or(l.Hold, time.Minute), cmp.Or(l.LongestHold, 6*time.Hour)
	l.Reserve = cmp.Or(l.Reserve, 1<<30)
	return l
}

// Sent is what a party's clients have sent to the broker, ever, and how many
// connections they have.
type Sent struct {
	Messages, Bytes uint64
	Connections     int
}

// Reason is a code for why a party is held.
type Reason string

// The reasons.
const (
	Crowding Reason = "crowding" // too much that has no leaf
	Wasting  Reason = "wasting"  // too much that is rejected, or said before
	Rationed Reason = "rationed" // too much for the room that is left
	DiskFull Reason = "disk"     // the node takes nothing of anybody
)

// Hold says that a party is to be cut off.
type Hold struct {
	Party   string
	Reason  Reason
	Since   time.Time
	Until   time.Time
	Strikes int
	// What says in words what it did.
	What string
}

// Limiter keeps the accounts. Its methods may be called from any goroutine.
type Limiter struct {
	limits Limits

	mu      sync.Mutex
	parties map[string]*account
	looked  time.Time
	room    int64 // bytes; negative: not known
	full    bool
}

type account struct {
	last       Sent
	known      bool // last is known
	ahead      float64
	aheadBytes float64

	waste, wasteBytes, ration float64 // levels

	held     *Hold
	strikes  int
	lasted   time.Duration // the last hold
	released time.Time
}

// New returns a Limiter that knows nobody yet.
func New(limits Limits) *Limiter {
	return &Limiter{limits: limits.orDefault(), parties: map[string]*account{}, room: -1}
}

// Limits returns what it holds parties to.
func (g *Limiter) Limits() Limits { return g.limits }

// maxParties bounds the accounts: parties are admitted one by one, so there are
// fewer, whatever the stream holds.
const maxParties = 10_000

func (g *Limiter) account(party string) *account {
	a := g.parties[party]
	if a == nil {
		a = &account{}
		if len(g.parties) < maxParties {
			g.parties[party] = a
		}
	}
	return a
}

// Took notes what the ledger made of messages.
func (g *Limiter) Took(taken map[string]ledger.Tally) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for party, t := range taken {
		a := g.account(party)
		a.ahead = max(0, a.ahead-float64(t.Messages))
		a.aheadBytes = max(0, a.aheadBytes-float64(t.Bytes))
		a.waste += float64(t.Wasted)
		a.wasteBytes += float64(t.WastedBytes)
		a.ration += float64(t.Bytes)
	}
}

// Restore puts back a hold of before the node's last end.
func (g *Limiter) Restore(h Hold) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.account(h.Party)
	a.held, a.strikes, a.lasted = &h, h.Strikes, g.length(h.Strikes)
}

// length is how long a hold lasts, from the first on.
func (g *Limiter) length(strikes int) time.Duration {
	d := g.limits.Hold
	for n := 1; n < strikes && d < g.limits.LongestHold; n++ {
		d *= 2
	}
	return min(d, g.limits.LongestHold)
}

// Room tells how many bytes are left where streams and ledger are, and how many on
// the disk. It returns whether the node may take anything.
func (g *Limiter) Room(left, free int64) (takes bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.room = max(0, left)
	if g.full {
		g.full = free < g.limits.Reserve+g.limits.Reserve/4 // not to and fro
	} else {
		g.full = free < g.limits.Reserve
	}
	return !g.full
}

// Look compares what was sent with what may be. It returns who is to be held from now
// on, and who no more.
func (g *Limiter) Look(now time.Time, sent map[string]Sent) (hold []Hold, release []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var passed float64
	if !g.looked.IsZero() {
		passed = max(0, now.Sub(g.looked).Seconds())
	}
	g.looked = now
	for party, s := range sent {
		g.account(party).heard(s)
	}
	for party, a := range g.parties {
		g.leak(a, passed)
		switch {
		case a.held != nil && (now.Before(a.held.Until) || g.full && a.held.Reason == DiskFull):
		case a.held != nil:
			g.let(a, now)
			release = append(release, party)
		default:
			if reason, what := g.breach(a); reason != "" {
				hold = append(hold, g.punish(party, a, now, reason, what))
			}
		}
	}
	slices.SortFunc(hold, func(x, y Hold) int { return cmp.Compare(x.Party, y.Party) })
	slices.Sort(release)
	return hold, release
}

// heard takes in the broker's counters.
func (a *account) heard(s Sent) {
	messages, bytes := s.Messages-a.last.Messages, s.Bytes-a.last.Bytes
	if s.Messages < a.last.Messages || s.Bytes < a.last.Bytes { // it counts anew
		messages, bytes = s.Messages, s.Bytes
	}
	if a.known {
		a.ahead += float64(messages)
		a.aheadBytes += float64(bytes)
	}
	a.last, a.known = s, true
}

func (g *Limiter) leak(a *account, seconds float64) {
	l := &g.limits
	a.ahead = max(0, a.ahead-seconds*l.Ahead.Rate)
	a.aheadBytes = max(0, a.aheadBytes-seconds*l.AheadBytes.Rate)
	a.waste = max(0, a.waste-seconds*l.Waste.Rate)
	a.wasteBytes = max(0, a.wasteBytes-seconds*l.WasteBytes.Rate)
	a.ration = max(0, a.ration-seconds*g.rationBytes()/86_400)
}

// rationBytes is what a party may fill in a day.
func (g *Limiter) rationBytes() float64 {
	return max(float64(g.limits.LeastRation), g.limits.Ration*float64(g.room))
}

func (g *Limiter) breach(a *account) (Reason, string) {
	l := &g.limits
	switch {
	case g.full:
		return DiskFull, "the node's disk is as full as it may be"
	case a.ahead > l.Ahead.Burst, a.aheadBytes > l.AheadBytes.Burst:
		return Crowding, fmt.Sprintf("%.0f messages of its, %.1f MiB, had no leaf: they lay in the stream, or were none that get there", a.ahead, a.aheadBytes/(1<<20))
	case a.waste > l.Waste.Burst, a.wasteBytes > l.WasteBytes.Burst:
		return Wasting, fmt.Sprintf("%.0f of its messages, %.1f MiB, were rejected or repeats", a.waste, a.wasteBytes/(1<<20))
	case g.room >= 0 && a.ration > g.rationBytes():
		return Rationed, fmt.Sprintf("it filled %.2f GiB within a day, and %.2f GiB are left for everybody", a.ration/(1<<30), float64(g.room)/(1<<30))
	}
	return "", ""
}

func (g *Limiter) punish(party string, a *account, now time.Time, reason Reason, what string) Hold {
	h := Hold{Party: party, Reason: reason, Since: now, What: what, Strikes: a.strikes}
	if reason == DiskFull {
		h.Until = now.Add(g.limits.Hold) // no fault of its own
		a.held = &h
		return h
	}
	if now.Sub(a.released) > a.lasted+time.Hour {
		a.strikes = 0
	}
	a.strikes++
	a.lasted = g.length(a.strikes)
	h.Strikes, h.Until = a.strikes, now.Add(a.lasted)
	a.held = &h
	return h
}

// let ends a hold. Half of each allowance is free again: what filled it was atoned
// for, and a party that goes on as before is soon seen to.
func (g *Limiter) let(a *account, now time.Time) {
	l := &g.limits
	a.held, a.released = nil, now
	a.waste, a.wasteBytes = min(a.waste, l.Waste.Burst/2), min(a.wasteBytes, l.WasteBytes.Burst/2)
	a.ahead, a.aheadBytes = min(a.ahead, l.Ahead.Burst/2), min(a.aheadBytes, l.AheadBytes.Burst/2)
}

// NotHeld says that a hold could not be carried out: the next look decides again.
func (g *Limiter) NotHeld(party string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.account(party); a.held != nil {
		if a.held.Reason != DiskFull {
			a.strikes--
		}
		a.held = nil
	}
}

// Held returns the hold that a party is under.
func (g *Limiter) Held(party string) (Hold, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.parties[party]; a != nil && a.held != nil {
		return *a.held, true
	}
	return Hold{}, false
}

// Holds returns all holds, by party.
func (g *Limiter) Holds() []Hold {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []Hold
	for _, a := range g.parties {
		if a.held != nil {
			all = append(all, *a.held)
		}
	}
	slices.SortFunc(all, func(x, y Hold) int { return cmp.Compare(x.Party, y.Party) })
	return all
}

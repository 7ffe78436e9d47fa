package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sys/unix"

	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/limiter"
)

const (
	// lookEvery is how often it is looked what parties send: what a flood brings in
	// between lies before everybody else's messages. Another's broker is asked, and
	// not read, so less often.
	lookEvery         = 20 * time.Millisecond
	lookExternalEvery = 250 * time.Millisecond
	// roomEvery is how often disk and stream are measured.
	roomEvery = time.Second
	// writeEvery is how often the pressure is written down where nothing happens.
	writeEvery = 10 * time.Second
	// holdTime bounds the carrying out of a hold.
	holdTime = 5 * time.Second
	// alarmRest is how long the same alarm about the same party isn't repeated.
	alarmRest = 10 * time.Minute
	maxAlarms = 100
)

// throttle watches what parties send, and cuts those off who take more than their
// share, as [limiter.Limiter] decides. It holds up nothing: where it can't do its
// work, it says so and the ledger goes on.
type throttle struct {
	limiter *limiter.Limiter
	home    *home.Authority
	broker  *broker.Authority
	cut     func(context.Context, broker.Held) error
	let     func(ctx context.Context, party string) error
	traffic func(context.Context) (map[string]broker.Traffic, error)
	stream  func(context.Context) (*jetstream.StreamInfo, error)
	ledger  *writer.Ledger
	every   time.Duration
	free    func(dir string) (int64, error)
	log     *slog.Logger

	// Owned by run.
	parties  map[string]broker.Party // by account
	listed   time.Time
	written  time.Time
	pressure home.Pressure
	told     map[string]time.Time // when an alarm was last raised
	known    bool                 // disk and stream were looked at
	alarmed  bool                 // since it was last written down
	slow     map[string]int       // how often each was cut off for not reading
	failing  string               // what was last logged of not being able to look
	takes    *backpressure
}

// backpressure is open or shut; who passes it waits while it is shut.
type backpressure struct{ state chan chan struct{} }

func newBackpressure() *backpressure {
	g := &backpressure{state: make(chan chan struct{}, 1)}
	g.state <- nil
	return g
}

// pass waits until the throttle is open.
func (g *backpressure) pass(ctx context.Context) error {
	for {
		shut := <-g.state
		g.state <- shut
		if shut == nil {
			return nil
		}
		select {
		case <-shut:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// set opens or shuts it, and says whether that changed anything.
func (g *backpressure) set(open bool) bool {
	shut := <-g.state
	defer func() { g.state <- shut }()
	switch {
	case open && shut != nil:
		close(shut)
		shut = nil
	case !open && shut == nil:
		shut = make(chan struct{})
	default:
		return false
	}
	return true
}

// whileOpen is record, once the throttle is open: what the ledger says itself waits for room on
// the disk as messages do. A leaf that can't be written would end the node.
func whileOpen[T any](g *backpressure, record func(context.Context, T) error) func(context.Context, T) error {
	return func(ctx context.Context, said T) error {
		if err := g.pass(ctx); err != nil {
			return err
		}
		return record(ctx, said)
	}
}

// freeBytes is how much of the disk that dir is on may still be written.
func freeBytes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("measure the disk of %s: %w", dir, err)
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// run looks until the context ends. First it lets go, or goes on holding, whom a
// node before this one held.
func (w *throttle) run(ctx context.Context) error {
	holds, err := w.broker.Holds()
	if err != nil {
		w.log.Error("it isn't known who is held", "error", err)
	}
	for _, h := range holds {
		w.limiter.Restore(limiter.Hold{Party: h.Party, Reason: "earlier", Until: h.Until, Strikes: h.Strikes, What: "a node before this one held it"})
	}
	if last, err := w.home.Pressure(); err == nil {
		w.pressure.Alarms = last.Alarms
	}
	w.told, w.slow = map[string]time.Time{}, map[string]int{}
	measured := make(chan measurement)
	var measuring sync.WaitGroup
	defer measuring.Wait()
	measuring.Go(func() { w.measure(ctx, measured) })
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		if err := w.look(ctx, measured); err != nil && ctx.Err() == nil && err.Error() != w.failing {
			w.failing = err.Error()
			w.log.Error("floods may go unseen", "error", err)
		} else if err == nil {
			w.failing = ""
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (w *throttle) look(ctx context.Context, measured <-chan measurement) error {
	now := time.Now()
	sent, err := w.sent(ctx, now)
	if err != nil {
		w.away(ctx, now)
		return err
	}
	back := !w.pressure.Away.IsZero()
	w.pressure.Away = time.Time{}
	hold, release := w.limiter.Look(now, sent)
	var errs []error
	for _, h := range hold {
		errs = append(errs, w.hold(ctx, h))
	}
	for _, party := range release {
		errs = append(errs, w.release(ctx, party))
	}
	changed := len(hold)+len(release) > 0 || w.alarmed || back
	select {
	case m := <-measured:
		errs = append(errs, m.err)
		if m.free > 0 || m.err == nil {
			changed = w.heed(m) || changed
		}
	default:
	}
	if w.known && (changed || now.Sub(w.written) >= writeEvery) {
		w.write(now)
		w.alarmed = false
	}
	return errors.Join(errs...)
}

// away notes that the broker doesn't answer, and since when.
func (w *throttle) away(ctx context.Context, now time.Time) {
	if ctx.Err() != nil {
		return
	}
	first := w.pressure.Away.IsZero()
	if first {
		w.pressure.Away = now.UTC().Truncate(time.Millisecond)
	}
	if w.known && (first || now.Sub(w.written) >= writeEvery) {
		w.write(now)
	}
}

// measurement is how full disk and stream are.
type measurement struct {
	free int64
	info *jetstream.StreamInfo
	err  error
}

// measure looks at disk and stream until the context ends. It waits for the broker,
// which a flood keeps busy, while the looking goes on.
func (w *throttle) measure(ctx context.Context, to chan<- measurement) {
	tick := time.NewTicker(roomEvery)
	defer tick.Stop()
	for {
		var m measurement
		if m.free, m.err = w.free(w.home.LedgerDir()); m.err == nil {
			m.info, m.err = w.stream(ctx)
		}
		select {
		case to <- m:
		case <-ctx.Done():
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// heed notes how full disk and stream are, and shuts the throttle when there is no room.
// Where the stream can't be asked the disk still counts.
func (w *throttle) heed(m measurement) (changed bool) {
	w.known = true
	reserve := w.limiter.Limits().Reserve
	left := m.free - reserve
	if m.info != nil {
		most, used := m.info.Config.MaxBytes, int64(m.info.State.Bytes)
		w.pressure.Backlog = max(0, int64(m.info.State.LastSeq)-int64(w.ledger.Standing()))
		w.pressure.StreamBytes, w.pressure.StreamMost = used, most
		if most > 0 {
			left = min(left, most-used)
		}
		if most > 0 && used > most/2 {
			changed = w.alarm(home.Alarm{Reason: "stream", What: fmt.Sprintf("the stream EVENTS holds %.1f of the %.1f GiB that it may", gib(used), gib(most))})
		}
	}
	takes := w.limiter.Room(left, m.free)
	w.pressure.Free, w.pressure.Reserve, w.pressure.Takes = m.free, reserve, takes
	if !w.takes.set(takes) {
		return changed
	}
	if takes {
		w.log.Info("there is room on the disk again: the node takes messages", "free", m.free)
	} else {
		w.log.Error("the disk is as full as it may be: the node takes nothing until there is room; what has a receipt is safe, and outboxes keep the rest",
			"free", m.free, "reserve", reserve)
	}
	return true
}

func gib(n int64) float64 { return float64(n) / (1 << 30) }

// sent reads the broker's counters, by party.
func (w *throttle) sent(ctx context.Context, now time.Time) (map[string]limiter.Sent, error) {
	counted, err := w.traffic(ctx)
	if err != nil {
		return nil, err
	}
	if w.parties == nil || now.Sub(w.listed) >= roomEvery {
		all, err := w.broker.Parties()
		if err != nil {
			return nil, err
		}
		w.parties, w.listed = map[string]broker.Party{}, now
		for _, p := range all {
			w.parties[p.Account] = p
		}
	}
	sent := map[string]limiter.Sent{}
	for account, t := range counted {
		p, ok := w.parties[account]
		if !ok {
			continue
		}
		sent[p.Name] = limiter.Sent{Messages: t.Messages, Bytes: t.Bytes}
		if t.Connections >= p.Connections && p.Connections > 0 {
			w.alarm(home.Alarm{Party: p.Name, Reason: "connections", What: fmt.Sprintf("it has %d connections open, as many as it may", t.Connections)})
		}
		if was, known := w.slow[p.Name]; t.Slow != was {
			w.slow[p.Name] = t.Slow
			if !known && t.Slow == 0 {
				continue
			}
			w.alarm(home.Alarm{Party: p.Name, Reason: "slow", What: fmt.Sprintf("it was cut off for not reading what it is sent, %d times in all", t.Slow)})
		}
	}
	return sent, nil
}

func (w *throttle) hold(ctx context.Context, h limiter.Hold) error {
	ctx, cancel := context.WithTimeout(ctx, holdTime)
	defer cancel()
	err := w.cut(ctx, broker.Held{Party: h.Party, Until: h.Until, Strikes: h.Strikes})
	if errors.Is(err, broker.ErrSuspended) {
		return nil // nobody is let in anyway, until the hold is over and beyond
	}
	if err != nil {
		w.limiter.NotHeld(h.Party)
		return fmt.Errorf("%s should be held, because %s: %w", h.Party, h.What, err)
	}
	w.alarm(home.Alarm{Party: h.Party, Reason: string(h.Reason), What: h.What, Until: h.Until, Strikes: h.Strikes})
	return nil
}

func (w *throttle) release(ctx context.Context, party string) error {
	ctx, cancel := context.WithTimeout(ctx, holdTime)
	defer cancel()
	switch err := w.let(ctx, party); {
	case errors.Is(err, broker.ErrSuspended):
	case err != nil:
		// The broker goes on refusing it: held again, it is let go again.
		w.limiter.Restore(limiter.Hold{Party: party, Reason: "earlier", Until: time.Now().Add(holdTime), What: "it could not be let go"})
		return err
	default:
		w.log.Info("held no more", "party", party)
	}
	return nil
}

// alarm says who did what, in the log and in what is written down: a hold each
// time, the rest once in a while. It says whether it did.
func (w *throttle) alarm(a home.Alarm) bool {
	now := time.Now().UTC()
	key := a.Party + " " + a.Reason
	if a.Until.IsZero() && now.Sub(w.told[key]) < alarmRest {
		return false
	}
	w.told[key], w.alarmed = now, true
	a.At = now.Truncate(time.Millisecond)
	args := []any{"party", a.Party, "reason", a.Reason, "what", a.What}
	if !a.Until.IsZero() {
		a.Until = a.Until.UTC().Truncate(time.Second)
		args = append(args, "until", a.Until, "strikes", a.Strikes)
		w.log.Warn("held: connections are cut and refused for a time", args...)
	} else {
		w.log.Warn("alarm", args...)
	}
	w.pressure.Alarms = append([]home.Alarm{a}, w.pressure.Alarms[:min(len(w.pressure.Alarms), maxAlarms-1)]...)
	return true
}

func (w *throttle) write(now time.Time) {
	w.written = now
	p := &w.pressure
	p.V, p.At = 1, now.UTC().Truncate(time.Millisecond)
	p.Holds = []home.Alarm{}
	for _, h := range w.limiter.Holds() {
		p.Holds = append(p.Holds, home.Alarm{
			At: h.Since.UTC().Truncate(time.Millisecond), Party: h.Party, Reason: string(h.Reason), What: h.What,
			Until: h.Until.UTC().Truncate(time.Second), Strikes: h.Strikes,
		})
	}
	if p.Alarms == nil {
		p.Alarms = []home.Alarm{}
	}
	if err := w.home.SetPressure(*p); err != nil {
		w.log.Error("how close the node is to its bounds could not be written down", "error", err)
	}
}

// newThrottle puts a throttle together: server is the embedded broker, nil if it is
// somebody else's.
func newThrottle(ctx context.Context, n *running, g *limiter.Limiter, authority *broker.Authority, server *broker.Server, takes *backpressure) (*throttle, func(), error) {
	w := &throttle{
		limiter: g, home: n.config.Home, broker: authority, ledger: n.ledger,
		every: lookEvery, free: n.config.Free, log: n.config.Log, takes: takes,
	}
	if w.free == nil {
		w.free = freeBytes
	}
	stream, err := n.js.Stream(ctx, eventsStream)
	if err != nil {
		return nil, nil, fmt.Errorf("look at stream %s: %w", eventsStream, err)
	}
	w.stream = func(ctx context.Context) (*jetstream.StreamInfo, error) {
		ctx, cancel := context.WithTimeout(ctx, holdTime)
		defer cancel()
		return stream.Info(ctx)
	}
	if server != nil {
		w.traffic = func(context.Context) (map[string]broker.Traffic, error) { return server.Traffic() }
		w.cut = func(_ context.Context, h broker.Held) error { return server.Hold(authority, h) }
		w.let = func(_ context.Context, party string) error { return server.Release(authority, party) }
		return w, func() {}, nil
	}
	nc, err := nats.Connect(n.addresses.LocalNATS, connectOptions(authority, broker.RoleSystem, nil)...)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the broker at %s: %w", n.addresses.LocalNATS, err)
	}
	w.every = lookExternalEvery
	w.cut = func(ctx context.Context, h broker.Held) error { return authority.Hold(ctx, n.addresses.LocalNATS, h) }
	w.let = func(ctx context.Context, party string) error {
		return authority.Release(ctx, n.addresses.LocalNATS, party)
	}
	w.traffic = func(ctx context.Context) (map[string]broker.Traffic, error) {
		ctx, cancel := context.WithTimeout(ctx, holdTime)
		defer cancel()
		return broker.AskTraffic(ctx, nc, max(1, n.config.Replicas))
	}
	return w, nc.Close, nil
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/ledger/audit"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/limiter"
)

// quietRate is how many envelopes a second the quiet operator publishes: enough for
// a p99, and little enough to take nothing from the machine.
const quietRate = 50

// attackedFor is how many times as long an attack lasts as the calm before it.
const attackedFor = 3

// AttackResult is what became of a quiet operator while another one attacked the node.
type AttackResult struct {
	Attack string
	// Quiet and Attacker are their names.
	Quiet, Attacker string
	// Before and During are how long the quiet operator's receipts took.
	Before, During Latency
	// Published by the quiet operator, and Receipted of that: proven under a
	// checkpoint that the ledger published.
	Published, Receipted int
	// Leaves and Rejected are the whole ledger's, as its audit counted them.
	Leaves, Rejected, Duplicates uint64
	// Grown is by how many bytes the ledger and the stream have grown on the disk
	// meanwhile, and Memory the process's peak, load included, where it can be told.
	Grown, Memory int64
	// Alarms are what the node said of the attacker, oldest first.
	Alarms []home.Alarm
	// Named is how long after it began the node first did.
	Named time.Duration
}

// Latency is how long receipts took.
type Latency struct {
	P50, P99, Worst time.Duration
	N               int
}

// Held returns the first alarm for which the attacker was held.
func (o *AttackResult) Held() (home.Alarm, bool) {
	i := slices.IndexFunc(o.Alarms, func(a home.Alarm) bool { return !a.Until.IsZero() })
	if i < 0 {
		return home.Alarm{}, false
	}
	return o.Alarms[i], true
}

// hostile takes the measure of every attack, each on a node of its own.
func (r *run) hostile(ctx context.Context) error {
	for _, a := range r.attacks {
		o, err := r.attack(ctx, a)
		if err != nil {
			return fmt.Errorf("%s: %w", a, err)
		}
		said := "nobody was named"
		if held, ok := o.Held(); ok {
			said = fmt.Sprintf("%s held for %s after %.1f s", o.Attacker, held.Reason, o.Named.Seconds())
		} else if len(o.Alarms) > 0 {
			said = fmt.Sprintf("%s named for %s after %.1f s", o.Attacker, o.Alarms[0].Reason, o.Named.Seconds())
		}
		name := r.name + "-" + a
		ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
		for when, l := range map[string]Latency{"before": o.Before, "during": o.During} {
			r.say(name+"-"+when+"-p50", ms(l.P50), "ms", l.N, said)
			r.say(name+"-"+when+"-p99", ms(l.P99), "ms", l.N, fmt.Sprintf("the worst %.0f ms", ms(l.Worst)))
		}
		r.say(name+"-slower", o.During.P50.Seconds()/o.Before.P50.Seconds(), "times", o.During.N, "p50 during by p50 before")
		r.say(name+"-disk", float64(o.Grown)/(1<<20), "MiB", int(o.Leaves), fmt.Sprintf("%d rejected, %d duplicates", o.Rejected, o.Duplicates))
		if o.Memory > 0 {
			r.say(name+"-memory", float64(o.Memory)/(1<<20), "MiB", int(o.Leaves), "peak RSS, broker, load and verifier included")
		}
	}
	return nil
}

// RunAttack takes the measure of one attack.
func RunAttack(ctx context.Context, config Config, attack string) (*AttackResult, error) {
	r := &run{config: config.orDefault(), report: func(Figure) {}, name: "hostile", dir: config.Dir}
	return r.attack(ctx, attack)
}

// attack has one operator publish quietly, alone for a while and then, longer, while
// another attacks, and waits for all of its receipts. Then it audits the ledger.
func (r *run) attack(ctx context.Context, attack string) (_ *AttackResult, err error) {
	if err := checkAttack(attack); err != nil {
		return nil, err
	}
	sub := *r
	sub.dir = filepath.Join(r.dir, attack)
	if err := os.Mkdir(sub.dir, 0o700); err != nil {
		return nil, err
	}
	defer os.RemoveAll(sub.dir)
	w, err := newWorld(ctx, &sub)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	attacker, quiet := w.operators[0], w.operators[1]
	o := &AttackResult{Attack: attack, Attacker: attacker.name, Quiet: quiet.name}
	n := max(20, int(quietRate*r.config.Duration.Seconds()))
	all := (1 + attackedFor) * n
	spool := &spool{path: filepath.Join(sub.dir, "quiet.spool"), n: all}
	if err := spool.write(quiet, 1); err != nil {
		return nil, err
	}
	assault, err := newAssault(attack, attacker, w)
	if err != nil {
		return nil, err
	}
	start, err := w.disk()
	if err != nil {
		return nil, err
	}
	peak := resetPeak()
	began, end := time.Now(), func() {}
	attacking, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	due, err := r.publishQuietly(ctx, w, quiet, spool, func(k int) {
		if k == n {
			began = time.Now()
			end = r.config.Begin(r.name)
			go func() { done <- assault.run(attacking) }()
		}
	})
	if err != nil {
		return nil, err
	}
	end()
	stop()
	if err := <-done; err != nil {
		return nil, fmt.Errorf("attack: %w", err)
	}
	if peak {
		o.Memory = peakMemory()
	}
	o.Published, o.Receipted = all, due.count()
	o.Before, o.During = due.between(0, n), due.between(n, all)
	if o.Alarms, err = w.alarms(attacker.name, began); err != nil {
		return nil, err
	}
	if len(o.Alarms) > 0 {
		o.Named = o.Alarms[0].At.Sub(began)
	}
	if err := w.close(); err != nil {
		return nil, err
	}
	after, err := w.disk()
	if err != nil {
		return nil, err
	}
	o.Grown = after - start
	return o, r.judge(ctx, w, o)
}

// alarms reads what the node said of a party since then, oldest first.
func (w *world) alarms(party string, since time.Time) ([]home.Alarm, error) {
	pressure, err := w.home.Pressure()
	if err != nil {
		return nil, err
	}
	var of []home.Alarm
	for _, a := range slices.Backward(pressure.Alarms) {
		if a.Party == party && a.At.After(since.Add(-time.Millisecond)) {
			of = append(of, a)
		}
	}
	return of, nil
}

// disk returns what ledger and streams take of the disk.
func (w *world) disk() (int64, error) {
	ledger, err := diskUse(w.home.LedgerDir())
	if err != nil {
		return 0, err
	}
	stream, err := diskUse(w.home.StreamDir())
	return ledger + stream, err
}

// judge audits the ledger that suffered.
func (r *run) judge(ctx context.Context, w *world, o *AttackResult) error {
	trust, err := w.home.Trust()
	if err != nil {
		return err
	}
	report, err := audit.Directory(ctx, w.home.LedgerDir(), trust, nil)
	if err != nil {
		return err
	}
	if len(report.Failures) > 0 {
		return fmt.Errorf("the ledger does not hold: %s", strings.Join(report.Failures[:1], ""))
	}
	o.Leaves, o.Rejected, o.Duplicates = report.Leaves, report.Rejected, report.Duplicates
	return nil
}

// Unlimited are limits that hold nobody: with them an attack shows what it would do.
func Unlimited() limiter.Limits {
	const much = 1 << 60
	all := limiter.Bucket{Burst: much, Rate: 1}
	return limiter.Limits{Ahead: all, AheadBytes: all, Waste: all, WasteBytes: all, LeastRation: much}
}

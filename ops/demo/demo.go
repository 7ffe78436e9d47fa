// Package demo runs the demonstration: a regulator, operators of a simulated country, a
// published day, findings, and evidence that is verified offline.
//
// Not here: mocks: every part is the real one.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/saksi-ledger/saksi/ledger/paths"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/node"
	"github.com/saksi-ledger/saksi/ops/sim"
	"github.com/saksi-ledger/saksi/projections/findings"
)

// Config says how a demonstration runs.
type Config struct {
	// Seed of the country.
	Seed uint64
	// Dir is where everything lies, made and removed again; in the system's
	// temporary directory if empty.
	Dir string
	// Out is told what happens.
	Out io.Writer
	// Executable is the program whose command "rekor" is a Rekor; this one if empty.
	Executable string
	// Exit ends it when all is shown, instead of when the context ends.
	Exit bool
	// Log gets the node's warnings; they are dropped if it is nil.
	Log *slog.Logger
}

// anchorEvery is how often a checkpoint is anchored here; a node does once a minute.
const anchorEvery = 2 * time.Second

// demo is a demonstration under way.
type demo struct {
	Config
	began     time.Time
	dir       string
	country   *sim.Country
	home      *home.Authority
	addresses home.Addresses
	ledger    *writer.Ledger
	parties   map[string]*party
	desk      *home.Reader // the supervision desk
	proving   findings.Finding
	stop      context.CancelFunc
	stopped   chan error
}

// Run shows the main job, then keeps everything running until the context ends.
// Nothing is left behind.
func Run(ctx context.Context, config Config) (err error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Executable == "" {
		if config.Executable, err = os.Executable(); err != nil {
			return err
		}
	}
	d := &demo{Config: config, began: time.Now(), parties: map[string]*party{}, stopped: make(chan error, 1)}
	for _, dir := range leftovers(config.Dir) {
		d.say("An earlier demo was killed and left %s: it can be removed.", dir)
	}
	if d.dir, err = os.MkdirTemp(config.Dir, fmt.Sprintf("saksi-demo-%d-", os.Getpid())); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.dir)) }()
	defer func() { err = errors.Join(err, d.close()) }()
	for _, step := range []func(context.Context) error{
		d.start, d.found, d.join, d.live, d.find, d.prove, d.invite,
	} {
		if err := step(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
	if config.Exit {
		return nil
	}
	select {
	case <-ctx.Done():
		d.say("\nStopping, and removing %s.", d.dir)
		return nil
	case err := <-d.stopped:
		d.stop = nil
		return errors.Join(errors.New("the node stopped"), err)
	}
}

// leftovers returns the directories of demonstrations whose process is gone.
func leftovers(dir string) []string {
	if dir == "" {
		dir = os.TempDir()
	}
	var gone []string
	found, _ := paths.List(dir, "saksi-demo-", "")
	for _, path := range found {
		var pid int
		if n, _ := fmt.Sscanf(filepath.Base(path), "saksi-demo-%d-", &pid); n != 1 || pid <= 0 {
			continue
		}
		process, err := os.FindProcess(pid)
		if err == nil {
			err = process.Signal(syscall.Signal(0))
		}
		if errors.Is(err, os.ErrProcessDone) {
			gone = append(gone, path)
		}
	}
	return gone
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.Out, format+"\n", args...) }

// step tells of something done, and when.
func (d *demo) step(what, format string, args ...any) {
	d.say("%5.1f s  %-10s %s", time.Since(d.began).Seconds(), what, fmt.Sprintf(format, args...))
}

func (d *demo) path(parts ...string) string {
	return filepath.Join(append([]string{d.dir}, parts...)...)
}

// start makes a ledger and runs its node.
func (d *demo) start(ctx context.Context) error {
	d.country = sim.New(sim.Config{Seed: d.Seed, Start: time.Now().UTC().Add(-25 * time.Hour).Truncate(time.Hour)})
	d.say("A regulator, two operators from abroad and a landlord, on this machine. Seed %d; nothing leaves it.\n", d.Seed)
	var err error
	plan := authority.Plan{Origin: "demo.saksi.example/ledger", Jurisdiction: "MY", Name: "regulator"}
	if d.home, err = authority.Init(ctx, d.path("regulator"), plan); err != nil {
		return err
	}
	living, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = stop
	ready := make(chan *writer.Ledger, 1)
	go func() {
		d.stopped <- node.Run(living, node.Config{
			Home: d.home, NATSListen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", Log: d.Log,
			AnchorEvery: anchorEvery, Executable: d.Executable,
			Ready: func(a home.Addresses, l *writer.Ledger) {
				d.addresses = a
				ready <- l
			},
		})
	}()
	select {
	case d.ledger = <-ready:
	case err := <-d.stopped:
		d.stop = nil
		return errors.Join(errors.New("the node did not start"), err)
	case <-ctx.Done():
		return ctx.Err()
	}
	d.step("ledger", "%s, with NATS JetStream at %s and a Rekor v2 of its own", plan.Origin, d.addresses.NATS)
	return nil
}

// close stops the node in order.
func (d *demo) close() error {
	for _, p := range d.parties {
		p.close()
	}
	if d.stop == nil {
		return nil
	}
	d.stop()
	return <-d.stopped
}

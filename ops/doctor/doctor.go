// Package doctor examines an authority's node from outside, and says what is wrong and
// what to do.
//
// It reads what the node stores, and asks what the node serves.
//
// It reads what the node stores, and asks what the node serves.
//
// It reads what the node stores, and asks what the node serves.
//
// It reads what the node stores, and asks what the node serves.
//
// It reads what the node stores, and asks what the node serves.
//
// It reads what the node stores, and asks what the node serves.
//
// Not here: repairs. It changes nothing, and works whether the node runs or not.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/paths"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/home"
)

// State is how a part of the node is.
type State string

// The states. Only Fail makes the whole fail.
const (
	OK   State = "ok"
	Warn State = "warn" // it works, and somebody should look
	Fail State = "fail"
)

// Part is one thing that was looked at.
type Part struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	// Found says what was seen; Do what to do about it, where there is something.
	Found string `json:"found"`
	Do    string `json:"do,omitempty"`
}

// examination is one look at a home.
type examination struct {
	home  *home.Authority
	dir   string
	parts []Part
	// node is the node's address over HTTP; empty where it never ran. size is of
	// the published checkpoint.
	node string
	size uint64
	// answers says that the node runs.
	answers bool
}

// askTime bounds each question to the node.
const askTime = 5 * time.Second

// Examine looks at the home in dir. An error means that there is no home to look
// at; whatever is wrong with it is in the parts.
func Examine(ctx context.Context, dir string) ([]Part, error) {
	h, err := home.OpenAuthority(dir)
	if err != nil {
		return nil, err
	}
	e := &examination{home: h, dir: dir}
	e.keys()
	e.disk()
	e.running(ctx)
	e.checkpoint()
	e.leaves(ctx)
	e.pressure()
	e.views(ctx)
	e.anchors()
	e.timestamps()
	e.witnesses()
	e.registry()
	e.erasures(ctx)
	e.misfiled()
	return e.parts, nil
}

func (e *examination) add(name string, state State, found, do string) {
	e.parts = append(e.parts, Part{Name: name, State: state, Found: found, Do: do})
}

// keys checks that secrets are their owner's alone.
func (e *examination) keys() {
	var open []string
	count := 0
	for _, sub := range []string{"keys", "broker"} {
		err := paths.Walk(filepath.Join(e.dir, sub), func(path string, info fs.FileInfo) error {
			if info.IsDir() || strings.HasSuffix(path, ".pub") || strings.HasSuffix(path, ".jwt") {
				return nil
			}
			count++
			if info.Mode().Perm()&0o077 != 0 {
				open = append(open, path)
			}
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			e.add("keys", Fail, fmt.Sprintf("who may read %s can't be told: %v", filepath.Join(e.dir, sub), err), "look at the permissions of that directory")
			return
		}
	}
	if len(open) > 0 {
		e.add("keys", Fail, fmt.Sprintf("others may read %s", strings.Join(open, ", ")), "chmod 600, and think about who has read them")
		return
	}
	for _, key := range []struct {
		what string
		open func() error
	}{
		{"signs what the authority says", func() error { _, err := e.home.Signer(); return err }},
		{"signs checkpoints", func() error { _, err := e.home.LogKey(); return err }},
		{"signs the ledger's own events", func() error { _, err := e.home.EventKey(); return err }},
		{"opens what is for the authority's eyes", func() error { _, err := e.home.ReadingIdentity(); return err }},
		{"signs what goes to Rekor", func() error { _, err := e.home.AnchorKey(); return err }},
	} {
		if err := key.open(); err != nil {
			e.add("keys", Fail, fmt.Sprintf("what %s is not there, or can't be read: %v", key.what, err), "put it back from where it is kept besides; docs/recovery.md says what to do where it is kept nowhere")
			return
		}
	}
	if e.home.Rotating() {
		e.add("keys", Warn, "a rotation of the authority's key was cut short", "finish it: saksi authority rotate, with the same --reason")
		return
	}
	e.add("keys", OK, fmt.Sprintf("%d files, readable by their owner alone", count), "")
}

const (
	littleDisk = 10 << 30
	noDisk     = 1 << 30
)

func (e *examination) disk() {
	var s unix.Statfs_t
	if err := unix.Statfs(e.dir, &s); err != nil {
		e.add("disk", Warn, fmt.Sprintf("how much is free can't be read: %v", err), "")
		return
	}
	free := s.Bavail * uint64(s.Bsize)
	found := fmt.Sprintf("%.1f GiB free", float64(free)/(1<<30))
	switch {
	case free < noDisk:
		e.add("disk", Fail, found, "make room: the node takes no messages now, and goes on by itself (what has a receipt is safe, outboxes keep the rest)")
	case free < littleDisk:
		e.add("disk", Warn, found, "make room before it is full: some 2 kB an event")
	default:
		e.add("disk", OK, found, "")
	}
}

func (e *examination) running(ctx context.Context) {
	addresses, err := e.home.Addresses()
	if err != nil {
		e.add("node", Fail, "it has never run", "start it with saksi up --home "+e.dir)
		return
	}
	e.node = addresses.LocalURL()
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	began := time.Now()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.node+"/healthz", nil)
	if err == nil {
		var response *http.Response
		if response, err = http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				err = fmt.Errorf("it answers %s", response.Status)
			}
		}
	}
	if err != nil {
		e.add("node", Fail, fmt.Sprintf("it does not answer at %s: %v", e.node, err), "start it with saksi up --home "+e.dir+", and read what it logs")
		return
	}
	e.answers = true
	e.add("node", OK, fmt.Sprintf("it answers at %s in %d ms", e.node, time.Since(began).Milliseconds()), "")
}

func (e *examination) checkpoint() {
	key, err := e.home.LogVerifierKey()
	var log *formats.Log
	if err == nil {
		log, err = formats.NewLog(key)
	}
	var note []byte
	if err == nil {
		note, err = archive.ReadCheckpoint(e.home.LedgerDir())
	}
	var checkpoint *formats.Checkpoint
	if err == nil {
		checkpoint, err = log.OpenCheckpoint(note)
	}
	if err != nil {
		e.add("checkpoint", Fail, err.Error(), "saksi audit tells what of the ledger still holds; restore what it names from a copy")
		return
	}
	e.size = checkpoint.Size
	if note, err := e.home.Newest(); err == nil {
		if newest, err := log.OpenCheckpoint(note); err == nil && newest.Size > checkpoint.Size {
			e.add("checkpoint", Fail, fmt.Sprintf("%s has %d leaves, and this home knows %d: the tree contradicts what others know of it", checkpoint.Origin, checkpoint.Size, newest.Size),
				"put a newer copy in its place, or begin a successor: docs/faults.md has both")
			return
		}
	}
	e.add("checkpoint", OK, fmt.Sprintf("%s, %s", checkpoint.Origin, counted(checkpoint.Size, "leaf", "leaves")), "")
}

func (e *examination) registry() {
	registry, err := writer.ReadRegistry(e.home.LedgerDir())
	if err != nil {
		e.add("registry", Fail, err.Error(), "start the node: it makes its database anew from the ledger")
		return
	}
	suspended := 0
	for _, o := range registry.Operators() {
		if o.Suspended {
			suspended++
		}
	}
	e.add("registry", OK, fmt.Sprintf("%s, %d of them suspended; %s; %s", counted(len(registry.Operators()), "operator", "operators"), suspended,
		counted(len(registry.Facilities()), "facility", "facilities"), counted(len(registry.Recorders()), "recorder", "recorders")), "")
}

// counted says how many there are, of one or more than one.
func counted[N int | int64 | uint64](n N, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

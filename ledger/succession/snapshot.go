// Package succession reads what a ledger hands over to its successor: the current
// registry under its last checkpoint, and the position of each recorder.
//
// The tree may be a ledger's own directory or a copy. Only what is under that checkpoint
// is read.
//
// The tree may be a ledger's own directory or a copy. Only what is under that checkpoint
// is read.
//
// The tree may be a ledger's own directory or a copy. Only what is under that checkpoint
// is read.
//
// The tree may be a ledger's own directory or a copy. Only what is under that checkpoint
// is read.
//
// The tree may be a ledger's own directory or a copy. Only what is under that checkpoint
// is read.
//
// The tree may be a ledger's own directory or a copy. Only what is under that checkpoint
// is read.
//
// Not here: whether the verdicts of that ledger were right, which ledger/audit checks,
// and writing of any kind.
package succession

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/mirror"
)

// Snapshot is what a tree leaves.
type Snapshot struct {
	// Checkpoint is its last one, and Log whose it is.
	Checkpoint *formats.Checkpoint
	Log        *formats.Log
	// Registry is as it stood under the checkpoint.
	Registry *admission.Registry
	// Heads are where operators' recorders stood. One whose bodies were withheld from a
	// copy has none.
	Heads map[events.Recorder]admission.Head
	// Withheld counts bodies that a copy doesn't have.
	Withheld uint64
	// Genesis is the hash of leaf 0, for trust files.
	Genesis tlog.Hash
	// Rotations are the envelopes, in the order of leaves, that replaced an authority's key.
	Rotations [][]byte

	operators   map[string]stated[events.OperatorAdmitted]
	suspended   map[string]stated[events.OperatorSuspended]
	revoked     map[events.KeyID]stated[events.KeyRevoked]
	authorities map[string]stated[events.AuthorityAdmitted]
	facilities  map[string]stated[events.FacilityDeclared]
	recorders   map[string]stated[events.RecorderDeclared]
	ended       map[string]stated[string] // facilities and recorders that are retired: why
	tenants     map[tenant]stated[events.TenantDeclared]
	holds       map[hold]stated[events.HoldPlaced]
	witnesses   stated[string]
}

// stated is what was last said of something, and where.
type stated[T any] struct {
	what T
	at   events.Ref
}

type tenant struct{ operator, alias string }

type hold struct{ by, number string }

// source is a ledger's directory, or a copy's.
type source interface {
	Entries(ctx context.Context, from uint64) ([][]byte, error)
	Close() error
}

// LedgerDir returns where the tree of a home, a ledger's directory or a copy lies.
func LedgerDir(dir string) string {
	if _, err := os.Stat(filepath.Join(dir, "ledger", "tree")); err == nil {
		return filepath.Join(dir, "ledger")
	}
	return dir
}

// Read reads the registry snapshot of the tree in dir, which is an authority's home, a ledger's
// directory or a copy, under its last checkpoint: a signed note, which need not be the
// newest there. progress may be nil.
func Read(ctx context.Context, dir string, note []byte, progress func(done, total uint64)) (*Snapshot, error) {
	dir = LedgerDir(dir)
	fail := func(err error) (*Snapshot, error) {
		return nil, fmt.Errorf("read what the tree in %s leaves: %w", dir, err)
	}
	unverified, err := formats.ParseCheckpoint(note)
	if err != nil {
		return fail(err)
	}
	open, bodies, err := openSource(dir, unverified)
	if err != nil {
		return fail(err)
	}
	defer open.Close()
	genesis, err := bodies(ctx, 0, 1)
	if err == nil && genesis[0] == nil {
		err = errors.New("the copy doesn't have its genesis's body, from which all else follows: it was made without a mandate for bodies")
	}
	if err != nil {
		return fail(err)
	}
	admit, _, err := admission.Start(genesis[0], admission.Memory{})
	if err != nil {
		return fail(err)
	}
	e := &Snapshot{
		Registry: admit.Registry, Heads: map[events.Recorder]admission.Head{},
		operators: map[string]stated[events.OperatorAdmitted]{}, suspended: map[string]stated[events.OperatorSuspended]{},
		revoked: map[events.KeyID]stated[events.KeyRevoked]{}, authorities: map[string]stated[events.AuthorityAdmitted]{},
		facilities: map[string]stated[events.FacilityDeclared]{}, recorders: map[string]stated[events.RecorderDeclared]{},
		ended: map[string]stated[string]{}, tenants: map[tenant]stated[events.TenantDeclared]{}, holds: map[hold]stated[events.HoldPlaced]{},
	}
	if e.Log, err = formats.NewLog(admit.Registry.Genesis.LogKey); err != nil {
		return fail(err)
	}
	if e.Checkpoint, err = e.Log.OpenCheckpoint(note); err != nil {
		return fail(fmt.Errorf("it is of another ledger than the checkpoint: %w", err))
	}
	if err := e.read(ctx, open, bodies, admit, progress); err != nil {
		return fail(err)
	}
	return e, nil
}

// SpeaksAs returns the authority named in the genesis whose key this is, now or for recovery:
// one of those that may say which tree takes the place of this one.
func (e *Snapshot) SpeaksAs(id events.KeyID) (authority string, ok bool) {
	for _, a := range e.Registry.Authorities() {
		if a.AdmittedBy == "" && (a.Key == id || a.Recovery == id) {
			return a.Name, true
		}
	}
	return "", false
}

type readBodies func(ctx context.Context, from uint64, n int) ([][]byte, error)

// Find tells why dir is no authority's home, nor a ledger's directory, nor a copy; nil if it is.
func Find(dir string) error {
	_, err := ends(LedgerDir(dir))
	return err
}

// ends returns the checkpoint at which the tree in dir ends, which is not verified.
func ends(dir string) (*formats.Checkpoint, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%s: no such directory", dir)
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fmt.Errorf("%s is not a directory", dir)
	}
	note, err := archive.ReadCheckpoint(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s is neither an authority's home nor a ledger's directory, nor a copy that has a checkpoint", dir)
	} else if err != nil {
		return nil, err
	}
	at, err := formats.ParseCheckpoint(note)
	if err != nil {
		return nil, fmt.Errorf("the checkpoint in %s: %w", dir, err)
	}
	return at, nil
}

// openSource opens what lies in dir, up to a checkpoint; one without an origin is of whichever
// ledger that is.
func openSource(dir string, checkpoint *formats.Checkpoint) (source, readBodies, error) {
	at, err := ends(dir)
	if err != nil {
		return nil, nil, err
	}
	if checkpoint.Origin != "" {
		if err := at.Reaches(checkpoint); err != nil {
			return nil, nil, err
		}
	}
	if mirror.Is(dir) {
		c, err := mirror.OpenAny(dir)
		if err != nil {
			return nil, nil, err
		}
		if at := c.Checkpoint(); at == nil || at.Size < checkpoint.Size {
			return nil, nil, fmt.Errorf("the copy does not go up to the %d leaves of the checkpoint", checkpoint.Size)
		}
		return c, c.Bodies, nil
	}
	a, err := archive.OpenArchive(dir, checkpoint.Size)
	if err != nil {
		return nil, nil, err
	}
	return a, func(_ context.Context, from uint64, n int) ([][]byte, error) {
		all := make([][]byte, n)
		for i := range all {
			if all[i], err = a.Body(from + uint64(i)); err != nil {
				return nil, err
			}
		}
		return all, nil
	}, nil
}

// read goes through all leaves under the checkpoint, in order.
func (e *Snapshot) read(ctx context.Context, open source, bodies readBodies, admit *admission.State, progress func(done, total uint64)) error {
	size := e.Checkpoint.Size
	tree := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for from := uint64(0); from < size; {
		raw, err := open.Entries(ctx, from)
		if err != nil {
			return err
		}
		raw = raw[:min(uint64(len(raw)), size-from)]
		body, err := bodies(ctx, from, len(raw))
		if err != nil {
			return err
		}
		for i := range raw {
			if from == 0 && i == 0 {
				e.Genesis = tlog.RecordHash(raw[i])
			}
			if err := tree.Append(rfc6962.DefaultHasher.HashLeaf(raw[i]), nil); err != nil {
				return err
			}
			if err := e.leaf(from+uint64(i), raw[i], body[i], admit); err != nil {
				return fmt.Errorf("leaf %d: %w", from+uint64(i), err)
			}
		}
		from += uint64(len(raw))
		if progress != nil {
			progress(from, size)
		}
	}
	root, err := tree.GetRootHash(nil)
	if err != nil {
		return err
	}
	if tlog.Hash(root) != e.Checkpoint.Root {
		return fmt.Errorf("its first %d leaves do not have the root that the checkpoint signs", size)
	}
	return nil
}

func (e *Snapshot) leaf(index uint64, raw, body []byte, admit *admission.State) error {
	leaf, err := formats.ParseLeaf(raw)
	if err != nil {
		return err
	}
	if body == nil {
		e.Withheld++
		return nil
	}
	if leaf.Verdict != formats.Accepted {
		return nil
	}
	if err := ledger.CheckBody(leaf, body); err != nil {
		return err
	}
	envelope, err := events.ParseEnvelope(body)
	if err != nil {
		return err
	}
	m := envelope.Manifest
	switch {
	case m.Recorder.IsRegistry():
		if err := admit.RecallRegistry(envelope, index); err != nil {
			return err
		}
		return e.acts(index, m.Recorder.Owner, envelope)
	case m.Recorder.IsOperator():
		h := e.Heads[m.Recorder]
		if m.Incarnation > h.Incarnation || m.Incarnation == h.Incarnation && m.Last() > h.Last {
			e.Heads[m.Recorder] = admission.Head{Incarnation: m.Incarnation, Last: m.Last(), Manifest: envelope.ManifestDigest(), Leaf: index}
		}
	}
	return nil
}

// acts notes what the registry doesn't remember of an act: its words, and where it stands.
func (e *Snapshot) acts(index uint64, by string, envelope *events.Envelope) error {
	for i, line := range envelope.Lines {
		event, err := events.ParseEvent(line)
		if err != nil {
			return err
		}
		if event.Type == events.TypeAuthorityRotated {
			e.Rotations = append(e.Rotations, envelope.Marshal())
		}
		if err := e.act(event, by, events.Ref{Leaf: index, Event: i}); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
	}
	return nil
}

func (e *Snapshot) act(event *events.Event, by string, at events.Ref) error {
	switch event.Type {
	case events.TypeGenesis, events.TypeGenesisV1:
		e.witnesses = stated[string]{e.Registry.Genesis.WitnessPolicy, at}
	case events.TypeWitnessesAdopted:
		return note(event, at, func(s stated[events.WitnessesAdopted]) { e.witnesses = stated[string]{s.what.Policy, at} })
	case events.TypeAuthorityAdmitted:
		return note(event, at, func(s stated[events.AuthorityAdmitted]) { e.authorities[s.what.Authority] = s })
	case events.TypeOperatorAdmitted:
		return note(event, at, func(s stated[events.OperatorAdmitted]) {
			before := e.operators[s.what.Operator].what
			if s.what.Name == "" {
				s.what.Name = before.Name
			}
			if s.what.Connection == "" {
				s.what.Connection = before.Connection
			}
			e.operators[s.what.Operator] = s
		})
	case events.TypeOperatorSuspended:
		return note(event, at, func(s stated[events.OperatorSuspended]) { e.suspended[s.what.Operator] = s })
	case events.TypeKeyRevoked:
		return note(event, at, func(s stated[events.KeyRevoked]) { e.revoked[events.KeyID(s.what.KeyID)] = s })
	case events.TypeFacilityDeclared:
		return note(event, at, func(s stated[events.FacilityDeclared]) { e.facilities[s.what.Facility] = s })
	case events.TypeFacilityRetired:
		return note(event, at, func(s stated[events.FacilityRetired]) { e.ended[s.what.Facility] = stated[string]{s.what.Reason, at} })
	case events.TypeRecorderDeclared:
		return note(event, at, func(s stated[events.RecorderDeclared]) { e.recorders[s.what.Recorder] = s })
	case events.TypeRecorderRetired:
		return note(event, at, func(s stated[events.RecorderRetired]) { e.ended[s.what.Recorder] = stated[string]{s.what.Reason, at} })
	case events.TypeTenantDeclared:
		return note(event, at, func(s stated[events.TenantDeclared]) { e.tenants[tenant{s.what.Operator, s.what.Tenant}] = s })
	case events.TypeHoldPlaced:
		return note(event, at, func(s stated[events.HoldPlaced]) { e.holds[hold{by, s.what.Hold}] = s })
	case events.TypeRecorderContinued: // of the tree before that one
		return note(event, at, func(s stated[events.RecorderContinued]) {
			recorder, err := events.ParseRecorder(s.what.Recorder)
			manifest, wrong := events.ParseDigest(s.what.Manifest)
			if _, further := e.Heads[recorder]; err == nil && wrong == nil && !further {
				e.Heads[recorder] = admission.Head{Incarnation: uint64(s.what.Incarnation), Last: uint64(s.what.Last), Manifest: manifest, Leaf: at.Leaf}
			}
		})
	}
	return nil
}

func note[T any](event *events.Event, at events.Ref, keep func(stated[T])) error {
	s := stated[T]{at: at}
	if err := json.Unmarshal(event.Data, &s.what); err != nil {
		return fmt.Errorf("data of %s: %w", event.Type, err)
	}
	keep(s)
	return nil
}

package authority

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ledger/countersign/witness"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/mirror"
	"github.com/saksi-ledger/saksi/ledger/succession"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/home"
)

// Adoption says what is taken over from the tree whose place a ledger takes, and how.
type Adoption struct {
	// Dir has that tree: an authority's home, a ledger's directory, or a copy.
	Dir string
	// Without are keys that counted there and shall not any more, operators', authorities'
	// and readers'. The beginning of an id will do, if one key alone has it.
	Without []events.KeyID
	// Reason is why the tree was ended, for the record.
	Reason string
	// Grants is the directory for grants; it is made if need be.
	Grants string
	// By is a key of that tree's authority, its recovery key say, which signs that this ledger
	// takes the place of that one. If nil, the key of the home in Dir does, if it is one.
	By *events.Signer
	// Progress may be nil.
	Progress func(what string, done, total uint64)
}

// Adopted says what was taken over.
type Adopted struct {
	Origin string `json:"origin"` // of the tree before this one
	Size   uint64 `json:"size"`   // of it
	// Acts counts those that name where they were said before: all but the one that says that
	// a registry is taken over.
	Acts int `json:"acts"`
	// FirstLeaf and LastLeaf are where they stand here.
	FirstLeaf uint64   `json:"firstLeaf"`
	LastLeaf  uint64   `json:"lastLeaf"`
	Grants    []string `json:"grants"` // files
	// Left says what was not taken over, and why.
	Left []string `json:"left,omitempty"`
}

// Adopt takes over what was current in the registry of the tree before this one, as acts of
// this one that say where each was last said; lets in again whom that one had let in, by the
// same keys; keeps what is public of that tree, for those who have yet to find their receipts
// in it; and writes a grant for each party. All acts are in the outbox before the first is
// sent: after an interruption, saying it again goes on.
func (r *Registrar) Adopt(ctx context.Context, a Adoption) (*Adopted, error) {
	if err := r.runs("take over another tree's registry"); err != nil {
		return nil, err
	}
	if r.signer == nil {
		return nil, lost(r.name)
	}
	note, policy, err := r.predecessor(ctx)
	if err != nil {
		return nil, err
	}
	progress := func(what string) func(done, total uint64) {
		return func(done, total uint64) {
			if a.Progress != nil {
				a.Progress(what, done, total)
			}
		}
	}
	snapshot, err := succession.Read(ctx, a.Dir, note, progress("reading leaves"))
	if err != nil {
		return nil, err
	}
	readers, err := readersOf(a.Dir)
	if err != nil {
		return nil, err
	}
	// Refused before anything is said.
	if a.By != nil {
		if _, ok := snapshot.SpeaksAs(a.By.PublicKey().ID()); !ok {
			return nil, hinted{fmt.Errorf("key %.12s is not one by which the authority of %s is recognized under its last checkpoint", a.By.PublicKey().ID(), snapshot.Checkpoint.Origin),
				"name the recovery key that counts there: saksi authority list in the home of that ledger shows its id"}
		}
	}
	if a.Without, err = wholeIDs(snapshot, readers, a.Without); err != nil {
		return nil, err
	}
	options := succession.Options{Authority: r.name, Policy: policy, Without: ofRegistry(snapshot, readers, a.Without), Reason: a.Reason}
	acts, left, err := snapshot.Acts(options)
	if err != nil {
		return nil, err
	}
	done := &Adopted{Origin: snapshot.Checkpoint.Origin, Size: snapshot.Checkpoint.Size, Acts: len(acts) - 1, Left: left}
	// What is public of that tree comes first: who has a grant asks for it.
	if err := keepPublic(ctx, snapshot, a.Dir, r.home.PredecessorDir(), progress("copying leaves")); err != nil {
		return nil, err
	}
	if err := r.sayAll(ctx, acts, done); err != nil {
		return nil, fmt.Errorf("take over the registry of %s: %w", snapshot.Checkpoint.Origin, err)
	}
	if err := r.letInAgain(ctx, a, snapshot, options, readers, done); err != nil {
		return nil, err
	}
	return done, nil
}

// predecessor returns what the genesis has of the tree before this one, and of witnesses.
func (r *Registrar) predecessor(ctx context.Context) (note []byte, policy string, err error) {
	g, err := succession.GenesisOf(ctx, r.home.LedgerDir())
	if err != nil {
		return nil, "", err
	}
	if g.Predecessor == "" {
		return nil, "", hinted{fmt.Errorf("%s succeeds no other ledger", r.home.Origin), "make a successor with saksi init --predecessor"}
	}
	return []byte(g.Predecessor), g.WitnessPolicy, nil
}

// readersOf returns the readers of an authority's home; none where dir is something else:
// they don't stand in the ledger.
func readersOf(dir string) ([]home.EnrolledReader, error) {
	h, err := home.OpenAuthority(dir)
	if errors.Is(err, home.ErrNoHome) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return h.Readers().All()
}

// wholeIDs returns the ids in full of keys that are named by their beginnings.
func wholeIDs(snapshot *succession.Snapshot, readers []home.EnrolledReader, ids []events.KeyID) ([]events.KeyID, error) {
	const whole = 64
	known := map[events.KeyID]bool{}
	for _, one := range snapshot.Registry.Operators() {
		for _, k := range snapshot.Registry.KeysOf(one.Name) {
			known[k.ID] = true
		}
	}
	for _, one := range snapshot.Registry.Authorities() {
		known[one.Key], known[one.Recovery] = true, true
	}
	for _, one := range readers {
		if key, err := one.PublicKey(); err == nil {
			known[key.ID()] = true
		}
	}
	all := make([]events.KeyID, 0, len(ids))
	for _, id := range ids {
		if len(id) == whole {
			all = append(all, id)
			continue
		}
		var found []events.KeyID
		for k := range known {
			if id != "" && strings.HasPrefix(string(k), string(id)) {
				found = append(found, k)
			}
		}
		if len(found) != 1 {
			return nil, hinted{fmt.Errorf("%d keys in the registry of %s, and of its readers, have an id that begins with %.80q", len(found), snapshot.Checkpoint.Origin, id),
				"saksi key list --operator NAME in the home of that ledger shows them in full"}
		}
		all = append(all, found[0])
	}
	return all, nil
}

// ofRegistry leaves out the ids of readers' keys, which the registry doesn't know.
func ofRegistry(snapshot *succession.Snapshot, readers []home.EnrolledReader, ids []events.KeyID) []events.KeyID {
	var rest []events.KeyID
	for _, id := range ids {
		if _, _, known := snapshot.Registry.KeyOwner(id); known || !anyReader(readers, id) {
			rest = append(rest, id)
		}
	}
	return rest
}

func anyReader(readers []home.EnrolledReader, id events.KeyID) bool {
	for _, one := range readers {
		if key, err := one.PublicKey(); err == nil && key.ID() == id {
			return true
		}
	}
	return false
}

// sayAll publishes acts that were not published yet, and waits until all are in the ledger.
func (r *Registrar) sayAll(ctx context.Context, acts []succession.Act, done *Adopted) error {
	if err := r.client.Prepare(ctx, r.outbox, r.recorder()); err != nil {
		return unreachable(err)
	}
	drafts := make([]events.Draft, len(acts))
	what := map[string]string{}
	for i, act := range acts {
		event, err := act.Said.Event(r.recorder(), vocabulary.Attributes{ID: act.ID, Subject: act.Subject})
		if err != nil {
			return fmt.Errorf("%s: %w", act.What, err)
		}
		drafts[i] = events.Draft{Event: event, Native: events.DigestOf(event.Data)}
		what[act.ID] = act.What
	}
	added, err := r.outbox.Add(ctx, r.recorder(), drafts, r.signer)
	if err != nil {
		return err
	}
	if len(added.Changed) > 0 {
		return hinted{fmt.Errorf("%s was taken over before, and otherwise", what[added.Changed[0]]),
			"what stands in the registry is changed by acts of their own: saksi key revoke, say"}
	}
	if _, err := r.client.Flush(ctx, r.outbox, client.FlushOptions{}); err != nil {
		return unreachable(err)
	}
	for i, act := range acts {
		receipt, ok, err := r.outbox.ReceiptOf(ctx, r.recorder(), act.ID)
		switch {
		case err != nil:
			return err
		case !ok:
			return fmt.Errorf("the ledger has no answer yet about the %s", act.What)
		case receipt.Code != "":
			return fmt.Errorf("%s: %w", act.What, r.rejected(ctx, receipt))
		}
		if i == 0 {
			done.FirstLeaf = receipt.Proof.Index
		}
		done.LastLeaf = max(done.LastLeaf, receipt.Proof.Index)
	}
	return nil
}

// letInAgain gives accounts at the broker to whom that tree had let in, and writes grants.
func (r *Registrar) letInAgain(ctx context.Context, a Adoption, snapshot *succession.Snapshot, o succession.Options, readers []home.EnrolledReader, done *Adopted) error {
	if err := os.MkdirAll(a.Grants, 0o755); err != nil {
		return fmt.Errorf("make a directory for grants: %w", err)
	}
	grant, err := newGrant(r.home, r.addresses)
	if err != nil {
		return err
	}
	grant.Predecessor = &home.Predecessor{
		Checkpoint: string(snapshot.Checkpoint.Note), HTTP: strings.TrimSuffix(r.addresses.HTTP, "/") + home.PredecessorPath,
	}
	if err := vouch(grant, a, snapshot); err != nil {
		if a.By != nil {
			return err
		}
		done.Left = append(done.Left, fmt.Sprintf("the word of %s's authority, which signs for the move: %v. Who joins needs --log-key %s", snapshot.Checkpoint.Origin, err, grant.Ledger.Key))
	}
	write := func(role home.Role, name, connection, user string, mandate *home.ReadingMandate) error {
		g := *grant
		g.Role, g.Name, g.Connection, g.User, g.Mandate = role, name, connection, user, mandate
		path := filepath.Join(a.Grants, fmt.Sprintf("%s-%s.grant", role, name))
		if err := home.WriteJSON(path, g, 0o644); err != nil {
			return err
		}
		done.Grants = append(done.Grants, path)
		return nil
	}
	for _, p := range snapshot.Operators(o) {
		switch {
		case p.Keyless:
			done.Left = append(done.Left, fmt.Sprintf("a grant for operator %s, of which no key is left: it enrols into a new home, and saksi operator add admits that", p.Name))
			continue
		case p.Connection == "":
			done.Left = append(done.Left, fmt.Sprintf("a grant for operator %s, whose connection the registry doesn't name: saksi operator add writes one by its request", p.Name))
			continue
		}
		admission, err := r.broker.Admit(p.Name, p.Connection, broker.Limits{})
		switch {
		case errors.Is(err, broker.ErrSuspended) && p.Suspended: // by an attempt before
		case err != nil:
			return err
		default:
			if err := r.broker.Push(ctx, r.addresses.LocalNATS, p.Name); err != nil {
				return err
			}
			if err := write(home.RoleOperator, p.Name, p.Connection, admission.UserJWT, nil); err != nil {
				return err
			}
		}
		if p.Suspended {
			if err := r.broker.Suspend(ctx, r.addresses.LocalNATS, p.Name); err != nil {
				return err
			}
		}
	}
	for _, p := range snapshot.Seats(o) {
		if p.Connection == "" {
			done.Left = append(done.Left, fmt.Sprintf("a grant for authority %s, whose connection the registry doesn't name: saksi authority add writes one by its request", p.Name))
			continue
		}
		admission, err := r.broker.AdmitAuthority(p.Name, p.Connection, broker.Limits{})
		if err == nil {
			err = r.broker.PushAuthority(ctx, r.addresses.LocalNATS, p.Name)
		}
		if err == nil {
			err = write(home.RoleMember, p.Name, p.Connection, admission.UserJWT, nil)
		}
		if err != nil {
			return err
		}
	}
	readership, err := OpenReadership(r.home)
	if err != nil {
		return err
	}
	for _, reader := range readers {
		if err := readReaderIn(ctx, readership, reader, a.Without, done, write); err != nil {
			return err
		}
	}
	return nil
}

// vouch has the authority of the tree before sign which ledger takes that tree's place, by
// the key that is named, or by that of the home in which the tree lies.
func vouch(grant *home.Grant, a Adoption, snapshot *succession.Snapshot) error {
	by := a.By
	if by == nil {
		h, err := home.OpenAuthority(a.Dir)
		if err != nil {
			return errors.New("its key is not in " + a.Dir + "; --recovery names a file with its recovery key")
		}
		if by, err = h.Signer(); err != nil {
			return err
		}
		if _, ok := snapshot.SpeaksAs(by.PublicKey().ID()); !ok {
			return fmt.Errorf("the key in %s is not the one that counted under the last checkpoint", a.Dir)
		}
	}
	return grant.Vouch(by, snapshot.Rotations)
}

// readReaderIn lets one reader in again.
func readReaderIn(ctx context.Context, readership *Readership, reader home.EnrolledReader, without []events.KeyID, done *Adopted,
	write func(home.Role, string, string, string, *home.ReadingMandate) error) error {
	key, err := reader.PublicKey()
	if err != nil {
		return err
	}
	for _, id := range without {
		if key.ID() == id {
			done.Left = append(done.Left, fmt.Sprintf("reader %s, whose key is left out: it enrols under another name", reader.Name))
			return nil
		}
	}
	known, found, err := readership.readers.ByName(reader.Name)
	if err != nil || found && known.Suspended && reader.Suspended {
		return err
	}
	grant, err := readership.Add(ctx, &home.Request{
		V: 1, Role: home.RoleReader, Name: reader.Name, Key: reader.Key, Connection: reader.Connection,
	}, home.ReadingMandate{
		Role: reader.Role, Facilities: reader.Facilities, Operators: reader.Operators, Families: reader.Families,
		Sectors: reader.Sectors, Tenants: reader.Tenants, Authority: reader.Authority,
	})
	if err != nil {
		return fmt.Errorf("let reader %s in again: %w", reader.Name, err)
	}
	if err := write(home.RoleReader, reader.Name, reader.Connection, grant.User, grant.Mandate); err != nil {
		return err
	}
	if reader.Suspended {
		return readership.Suspend(ctx, reader.Name)
	}
	return nil
}

// keepPublic keeps a copy of what is public of the tree before, up to its last checkpoint.
func keepPublic(ctx context.Context, snapshot *succession.Snapshot, from, to string, progress func(done, total uint64)) error {
	fail := func(err error) error {
		return fmt.Errorf("keep what is public of %s: %w", snapshot.Checkpoint.Origin, err)
	}
	handler, err := publicOf(succession.LedgerDir(from), snapshot.Checkpoint.Note)
	if err != nil {
		return fail(err)
	}
	reader, err := ledgerhttp.NewReader("http://predecessor", snapshot.Log, ledgerhttp.ReaderOptions{Client: &http.Client{Transport: local{handler}}})
	if err != nil {
		return fail(err)
	}
	kept, err := mirror.Create(to, snapshot.Log, "")
	if err != nil {
		return fail(err)
	}
	defer kept.Close()
	if _, err := kept.Fetch(ctx, reader, mirror.Options{Progress: progress}); err != nil {
		return fail(err)
	}
	return nil
}

// publicOf serves what is public of a ledger's directory or a copy, under one checkpoint.
func publicOf(dir string, note []byte) (http.Handler, error) {
	var rest http.Handler
	var err error
	if mirror.Is(dir) {
		rest, _, err = mirror.Handler(dir)
	} else {
		rest, err = written(dir)
	}
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", rest)
	mux.HandleFunc("GET /checkpoint", func(w http.ResponseWriter, _ *http.Request) { w.Write(note) })
	return mux, nil
}

func written(dir string) (http.Handler, error) {
	tree, err := ledgerhttp.Handler(filepath.Join(dir, "tree"))
	if err != nil {
		return nil, err
	}
	anchors, err := ledgerhttp.OpenAnchors(dir)
	if err != nil {
		return nil, err
	}
	times, err := ledgerhttp.OpenTimestamps(dir)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", tree)
	mux.Handle("/anchors/", anchors)
	mux.Handle("/timestamps/", times)
	mux.Handle("/cosigned", ledgerhttp.Cosigned(witness.OpenStore(filepath.Join(dir, witness.DirName))))
	return mux, nil
}

// local answers requests in this process.
type local struct{ handler http.Handler }

func (l local) RoundTrip(r *http.Request) (*http.Response, error) {
	a := &answer{header: http.Header{}}
	l.handler.ServeHTTP(a, r)
	return &http.Response{
		StatusCode: max(a.status, http.StatusOK), Header: a.header, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
	}, nil
}

// answer is an [http.ResponseWriter] that keeps what is written.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// PredecessorNote returns the last checkpoint of the tree that lies in dir, which is an
// authority's home, a ledger's directory or a copy, as it is signed. A home that knows of
// more than its tree has is told of: somebody must decide.
func PredecessorNote(dir string) ([]byte, error) {
	note, err := os.ReadFile(filepath.Join(succession.LedgerDir(dir), "tree", "checkpoint"))
	if err != nil {
		return nil, fmt.Errorf("%s has no tree: %w", dir, err)
	}
	h, err := home.OpenAuthority(dir)
	if err != nil {
		return note, nil // a copy has nothing beside it
	}
	newest, err := h.Newest()
	if err != nil {
		return note, nil
	}
	return note, ahead(dir, note, newest)
}

// ahead is why the newest checkpoint that a home knows is not the one of its tree, or nil.
func ahead(dir string, note, newest []byte) error {
	here, err := formats.ParseCheckpoint(note)
	if err != nil {
		return fmt.Errorf("the tree in %s: %w", dir, err)
	}
	known, err := formats.ParseCheckpoint(newest)
	if err != nil || known.Origin != here.Origin || known.Size <= here.Size {
		return nil
	}
	return hinted{fmt.Errorf("the tree in %s has %d leaves, and %d are known there: it was put back from an old copy", dir, here.Size, known.Size),
		"name a file: newest.checkpoint there, if somebody's copy goes so far that the registry can be taken over from; " +
			"ledger/tree/checkpoint, if none does: what came after it is left behind then, and operators' receipts prove it"}
}

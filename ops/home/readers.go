package home

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/durable"
)

// ReaderRole is as what somebody reads; it decides what the API shows.
type ReaderRole string

// The roles of readers.
const (
	Supervisor ReaderRole = "supervisor" // views, feeds and bodies
	Analyst    ReaderRole = "analyst"    // views and feeds
	Auditor    ReaderRole = "auditor"    // views, feeds, bodies and proofs
	Customer   ReaderRole = "customer"   // rows and changes that touch its own
)

// ReaderRoles are all of them.
func ReaderRoles() []ReaderRole { return []ReaderRole{Supervisor, Analyst, Auditor, Customer} }

// Valid tells whether there is such a role.
func (r ReaderRole) Valid() bool { return slices.Contains(ReaderRoles(), r) }

// EnrolledReader is a reader as the authority knows it: a line of readers.json.
type EnrolledReader struct {
	Name string     `json:"name"`
	Role ReaderRole `json:"role"`
	// Key verifies what the reader signs: DER SubjectPublicKeyInfo, base64.
	Key string `json:"key"`
	// Connection is the public nkey of its connection to the broker.
	Connection string `json:"connection"`
	// Facilities and Operators bound what it sees; empty lists stand for all.
	Facilities []string `json:"facilities,omitempty"`
	Operators  []string `json:"operators,omitempty"`
	// Families bound it to families of events, Sectors and Tenants to customers, as in
	// an authority's mandate.
	Families []string `json:"families,omitempty"`
	Sectors  []string `json:"sectors,omitempty"`
	Tenants  []string `json:"tenants,omitempty"`
	// Authority is whose reader it is, where that is another than the one whose node
	// this is: it sees nothing that this authority doesn't.
	Authority string `json:"authority,omitempty"`
	// Suspended readers are let in nowhere.
	Suspended bool      `json:"suspended,omitempty"`
	Added     time.Time `json:"added"`
}

// PublicKey returns the key that verifies what the reader signs.
func (r *EnrolledReader) PublicKey() (events.PublicKey, error) {
	key, err := events.ParsePublicKey(r.Key)
	if err != nil {
		return key, fmt.Errorf("reader %s: %w", r.Name, err)
	}
	return key, nil
}

// ToCustomers tells whether it is bounded to customers.
func (r *EnrolledReader) ToCustomers() bool { return len(r.Sectors) > 0 || len(r.Tenants) > 0 }

const readersFile = "readers.json"

type readersJSON struct {
	V       int              `json:"v"`
	Readers []EnrolledReader `json:"readers"`
}

// Readers are those whom an authority lets read. They are kept in readers.json in
// its home, which is replaced whole; a running node sees a change at its next
// question. It is safe for concurrent use.
type Readers struct {
	path string

	mu   sync.Mutex
	seen os.FileInfo // of what is loaded; nil before, and while there is no file
	list []EnrolledReader
	byID map[events.KeyID]int
}

// Readers opens the register of readers. An authority that never added one has
// none, which is no error.
func (a *Authority) Readers() *Readers { return OpenReaders(a.dir) }

// OpenReaders is [Authority.Readers] for the directory of an authority's home.
func OpenReaders(dir string) *Readers {
	return &Readers{path: (&Authority{dir: dir}).path(readersFile)}
}

// All returns every reader, suspended ones too, by name.
func (r *Readers) All() ([]EnrolledReader, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.load(); err != nil {
		return nil, err
	}
	return slices.Clone(r.list), nil
}

// ByName returns a reader, and whether there is one of that name. A suspended one
// is returned too: see Suspended.
func (r *Readers) ByName(name string) (EnrolledReader, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.load(); err != nil {
		return EnrolledReader{}, false, err
	}
	i, ok := slices.BinarySearchFunc(r.list, name, func(e EnrolledReader, name string) int { return strings.Compare(e.Name, name) })
	if !ok {
		return EnrolledReader{}, false, nil
	}
	return r.list[i], true, nil
}

// ByKeyID is [Readers.ByName] for the id of the reader's key.
func (r *Readers) ByKeyID(id events.KeyID) (EnrolledReader, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.load(); err != nil {
		return EnrolledReader{}, false, err
	}
	i, ok := r.byID[id]
	if !ok {
		return EnrolledReader{}, false, nil
	}
	return r.list[i], true, nil
}

// load reads the file if it isn't the one that was read before. A file that was
// replaced has another inode; one that was edited in place, another time or size.
func (r *Readers) load() error {
	info, err := os.Stat(r.path)
	if errors.Is(err, os.ErrNotExist) {
		r.seen, r.list, r.byID = nil, nil, nil
		return nil
	} else if err != nil {
		return fmt.Errorf("read the register of readers: %w", err)
	}
	if r.seen != nil && os.SameFile(r.seen, info) && r.seen.ModTime().Equal(info.ModTime()) && r.seen.Size() == info.Size() {
		return nil
	}
	list, byID, err := readReaders(r.path)
	if err != nil {
		return fmt.Errorf("read the register of readers: %w", err)
	}
	r.seen, r.list, r.byID = info, list, byID
	return nil
}

func readReaders(path string) ([]EnrolledReader, map[events.KeyID]int, error) {
	var file readersJSON
	if err := readJSON(path, &file); err != nil {
		return nil, nil, err
	}
	if file.V != 1 {
		return nil, nil, fmt.Errorf("%s: version %d: this program knows 1", path, file.V)
	}
	slices.SortFunc(file.Readers, func(a, b EnrolledReader) int { return strings.Compare(a.Name, b.Name) })
	byID := make(map[events.KeyID]int, len(file.Readers))
	for i := range file.Readers {
		e := &file.Readers[i]
		key, err := e.PublicKey()
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		case !e.Role.Valid():
			return nil, nil, fmt.Errorf("%s: reader %s has the role %q", path, e.Name, e.Role)
		case i > 0 && e.Name == file.Readers[i-1].Name:
			return nil, nil, fmt.Errorf("%s: reader %s stands in it twice", path, e.Name)
		}
		if other, ok := byID[key.ID()]; ok {
			return nil, nil, fmt.Errorf("%s: readers %s and %s have the same key", path, file.Readers[other].Name, e.Name)
		}
		byID[key.ID()] = i
	}
	return file.Readers, byID, nil
}

// Put adds a reader, or changes the one of that name. It refuses what
// [Readers.Check] does.
func (r *Readers) Put(reader EnrolledReader) error {
	return r.change(func(list []EnrolledReader) ([]EnrolledReader, error) {
		i, err := place(list, reader)
		if err != nil {
			return nil, err
		}
		if i < 0 {
			return append(list, reader), nil
		}
		list[i] = reader
		return list, nil
	})
}

// Check returns why a reader can't be added, or nil. Another key or connection for
// a name that is taken is refused: credentials of the old ones would go on being
// good. So is a key that somebody else has.
func (r *Readers) Check(reader EnrolledReader) error {
	list, err := r.All()
	if err != nil {
		return err
	}
	_, err = place(list, reader)
	return err
}

// place returns where a reader belongs in the list: at its name, or -1.
func place(list []EnrolledReader, reader EnrolledReader) (int, error) {
	if !reader.Role.Valid() {
		return 0, fmt.Errorf("reader %s: there is no role %q", reader.Name, reader.Role)
	}
	if reader.Role == Customer && (len(reader.Tenants) == 0 || len(reader.Sectors) > 0) {
		return 0, fmt.Errorf("reader %s: a customer is one by its aliases, and by nothing else", reader.Name)
	}
	if _, err := reader.PublicKey(); err != nil {
		return 0, err
	}
	at := -1
	for i, e := range list {
		switch {
		case e.Name == reader.Name && (e.Key != reader.Key || e.Connection != reader.Connection):
			return 0, hint(fmt.Errorf("reader %s is enrolled with other keys", e.Name), "suspend it, and enrol the new keys under another name")
		case e.Name == reader.Name:
			at = i
		case e.Key == reader.Key || e.Connection == reader.Connection:
			return 0, hint(fmt.Errorf("reader %s: its keys are those of reader %s", reader.Name, e.Name), "keys are one reader's: enrol anew")
		}
	}
	return at, nil
}

// SetSuspended suspends a reader or readmits it. The error is [ErrNoReader] if
// there is none of that name.
func (r *Readers) SetSuspended(name string, suspended bool) error {
	return r.change(func(list []EnrolledReader) ([]EnrolledReader, error) {
		for i := range list {
			if list[i].Name == name {
				list[i].Suspended = suspended
				return list, nil
			}
		}
		return nil, hint(fmt.Errorf("reader %s: %w", name, ErrNoReader), "saksi reader list shows who there is")
	})
}

// ErrNoReader means that nobody of a name was ever added.
var ErrNoReader = errors.New("there is no such reader")

// change replaces the file by one that f made of it. It excludes other changes,
// also by other processes.
func (r *Readers) change(f func([]EnrolledReader) ([]EnrolledReader, error)) error {
	lock, err := durable.Lock(r.path + ".lock")
	if err != nil {
		return fmt.Errorf("change the register of readers: %w", err)
	}
	defer lock.Close()
	list, err := r.All()
	if err != nil {
		return err
	}
	if list, err = f(list); err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b EnrolledReader) int { return strings.Compare(a.Name, b.Name) })
	return WriteJSON(r.path, readersJSON{V: 1, Readers: list}, 0o600)
}

// Package connecttest is the suite that every connector passes. A connector's
// package has, in testdata, samples of its system's logs, for each NAME a
// NAME.golden with the events that are made of it, and mapping.json if the system
// needs a mapping. With UPDATE_GOLDEN=1 the golden files are written anew.
//
// Not here: anything that is linked into a program.
package connecttest

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/vocabulary"
)

// Table is a table of pseudonyms that is the same each time. It is for one
// goroutine.
type Table struct {
	names  map[string]string
	random *rand.ChaCha8
}

// NewTable returns an empty table.
func NewTable() *Table {
	return &Table{map[string]string{}, rand.NewChaCha8([32]byte{1})}
}

// Pseudonym returns the pseudonym of a principal.
func (t *Table) Pseudonym(principal string) (string, error) {
	p, ok := t.names[principal]
	if !ok {
		var b [16]byte
		t.random.Read(b[:])
		p = "p-" + hex.EncodeToString(b[:])
		t.names[principal] = p
	}
	return p, nil
}

// Len returns how many principals have a pseudonym.
func (t *Table) Len() int { return len(t.names) }

// Suite is what a connector's package has for its tests.
type Suite struct {
	System connect.System
	// Dir is the testdata directory.
	Dir string
	// Open are the members of records, or columns, whose words may stand in events
	// in the clear, as they are the system's own and say nothing of anybody.
	Open []string
	// Words are further words that occur in events and in records by chance.
	Words []string
}

// Samples returns the paths of the samples.
func (s Suite) Samples(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var samples []string
	for _, entry := range entries {
		if name := entry.Name(); entry.Type().IsRegular() && !strings.HasSuffix(name, ".golden") && name != "mapping.json" {
			samples = append(samples, filepath.Join(s.Dir, name))
		}
	}
	if len(samples) == 0 {
		t.Fatalf("%s: there is no sample", s.Dir)
	}
	return samples
}

// Connector returns a connector whose randomness is the same each time for the
// same seed.
func (s Suite) Connector(t testing.TB, seed byte, names *Table) connect.Connector {
	t.Helper()
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/" + s.System.Name)
	if err != nil {
		t.Fatal(err)
	}
	options := connect.Options{
		Recorder: recorder, Party: events.PartyOperator, Pseudonym: names.Pseudonym, Random: rand.NewChaCha8([32]byte{seed}),
	}
	if s.System.Mapped {
		if options.Mapping, err = os.ReadFile(filepath.Join(s.Dir, "mapping.json")); err != nil {
			t.Fatal(err)
		}
	}
	c, err := s.System.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	for _, sample := range s.Samples(t) {
		t.Run(filepath.Base(sample), func(t *testing.T) {
			t.Run("golden", func(t *testing.T) { s.golden(t, sample) })
			t.Run("twice", func(t *testing.T) { s.twice(t, sample) })
			t.Run("privacy", func(t *testing.T) { s.privacy(t, sample) })
			t.Run("damage", func(t *testing.T) { s.damage(t, sample) })
		})
	}
	t.Run("options", s.options)
}

// drafted is a record and what was made of it.
type drafted struct {
	raw    []byte
	drafts []events.Draft
}

func each(t testing.TB, c connect.Connector, path string) ([]drafted, connect.Account) {
	t.Helper()
	var all []drafted
	account, err := connect.Each(context.Background(), c, []string{path}, nil, func(r connect.Record, drafts []events.Draft) error {
		all = append(all, drafted{r.Raw, slices.Clone(drafts)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	Accounted(t, account, len(all))
	return all, account
}

// Accounted sees that every record of an account became something: used is how
// many were handed on.
func Accounted(t testing.TB, a connect.Account, used int) {
	t.Helper()
	if a.Records != a.Mapped+a.Silent+a.Others+a.Damaged || a.Mapped != used || a.Events < a.Mapped || len(a.Damage) != min(a.Places, connect.MaxDamage) {
		t.Errorf("records that nobody accounts for: %+v, %d were handed on", a, used)
	}
}

// golden holds the mapping, disclosures opened, to a file that people can read,
// and each event to what admission takes.
func (s Suite) golden(t *testing.T, sample string) {
	all, account := each(t, s.Connector(t, 2, NewTable()), sample)
	if account.Places > 0 || account.Events == 0 {
		t.Fatalf("a sample is whole, and of its system: %+v", account)
	}
	var got bytes.Buffer
	for _, one := range all {
		for _, d := range one.drafts {
			Line(t, &d)
			b, err := json.MarshalIndent(map[string]any{
				"id": d.Event.ID, "type": d.Event.Type, "time": d.Event.Time, "data": Opened(t, &d),
			}, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got.Write(append(b, '\n'))
		}
	}
	path := sample + ".golden"
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the events differ from %s; look at them and run with UPDATE_GOLDEN=1.\n%s", path, got.String())
	}
}

// twice imports a sample twice: the same events, and nothing random twice.
func (s Suite) twice(t *testing.T, sample string) {
	names := NewTable()
	one, _ := each(t, s.Connector(t, 1, names), sample)
	two, _ := each(t, s.Connector(t, 2, names), sample)
	ids, random := map[string]bool{}, map[string]bool{}
	for i := range one {
		for j, d := range one[i].drafts {
			again := two[i].drafts[j]
			if d.Event.ID != again.Event.ID || d.Event.Time != again.Event.Time || d.Event.Type != again.Event.Type || d.Native != again.Native {
				t.Errorf("imported twice, an event is %s %s and %s %s", d.Event.Type, d.Event.ID, again.Event.Type, again.Event.ID)
			}
			if ids[d.Event.ID] {
				t.Errorf("two events are %s", d.Event.ID)
			}
			ids[d.Event.ID] = true
			for _, d := range []events.Draft{d, again} {
				fresh := []string{d.Event.Nonce}
				for _, one := range d.Disclosures {
					fresh = append(fresh, string(one))
				}
				for _, text := range fresh {
					if random[text] {
						t.Errorf("event %s: %s was used before", d.Event.ID, text)
					}
					random[text] = true
				}
			}
		}
	}
}

// privacy searches events for whatever their records say.
func (s Suite) privacy(t *testing.T, sample string) {
	all, _ := each(t, s.Connector(t, 3, NewTable()), sample)
	searched := 0
	for _, one := range all {
		var open []string
		for _, d := range one.drafts {
			open = append(open, openTexts(t, d.Event)...)
		}
		for _, leaf := range Leaves(t, one.raw) {
			top := strings.Split(leaf.Path, "/")[1]
			if leaf.Text == "" || slices.Contains(s.Open, top) || slices.Contains(s.Words, leaf.Text) {
				continue
			}
			searched++
			for _, text := range open {
				if text == leaf.Text || len(leaf.Text) >= 4 && strings.Contains(text, leaf.Text) {
					t.Errorf("%s of the record, %q, stands in an event: %q", leaf.Path, leaf.Text, text)
				}
			}
		}
	}
	if searched == 0 {
		t.Error("nothing was searched for")
	}
}

// openTexts are the texts of an event, without its time and what is random.
func openTexts(t testing.TB, e *events.Event) []string {
	var texts []string
	for _, leaf := range Leaves(t, e.Data) {
		if !strings.HasSuffix(leaf.Path, "/_sd/") {
			texts = append(texts, leaf.Text)
		}
	}
	return append(texts, e.ID, e.Subject)
}

// damage cuts a sample off and turns bits in it: whatever is left is accounted
// for, and what is made of it is taken by admission.
func (s Suite) damage(t *testing.T, sample string) {
	whole, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, uint64(len(whole))))
	path := filepath.Join(t.TempDir(), filepath.Base(sample))
	c := s.Connector(t, 4, NewTable())
	for range 40 {
		broken := bytes.Clone(whole)
		if random.IntN(2) == 0 {
			broken = broken[:random.IntN(len(broken))]
		}
		for range random.IntN(4) {
			if len(broken) > 0 {
				broken[random.IntN(len(broken))] ^= 1 << random.IntN(8)
			}
		}
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		all, _ := each(t, c, path)
		for _, one := range all {
			for _, d := range one.drafts {
				Line(t, &d)
			}
		}
	}
}

// options sees that what must be said is asked for.
func (s Suite) options(t *testing.T) {
	recorder, _ := events.ParseRecorder("nimbus-my/lab-1/log")
	mapping := []byte(nil)
	if s.System.Mapped {
		mapping, _ = os.ReadFile(filepath.Join(s.Dir, "mapping.json"))
	}
	good := connect.Options{Recorder: recorder, Party: events.PartyOperator, Pseudonym: NewTable().Pseudonym, Mapping: mapping}
	if _, err := s.System.New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*connect.Options){
		"no recorder":       func(o *connect.Options) { o.Recorder = events.Recorder{} },
		"registry recorder": func(o *connect.Options) { o.Recorder = events.RegistryRecorder("mcmc") },
		"no party":          func(o *connect.Options) { o.Party = "" },
		"unknown party":     func(o *connect.Options) { o.Party = "friend" },
		"no pseudonyms":     func(o *connect.Options) { o.Pseudonym = nil },
	} {
		o := good
		spoil(&o)
		if _, err := s.System.New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Fuzz maps a record that anybody may have written, or what a changed mapping
// makes of it: either it is refused, or the event is one that admission takes, that
// reads and marshals to the same bytes, and whose disclosures all belong to it.
func Fuzz(f *testing.F, s Suite) {
	for _, sample := range s.Samples(f) {
		all, _ := each(f, s.Connector(f, 1, NewTable()), sample)
		for _, one := range all {
			f.Add(one.raw)
		}
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		before := string(record)
		drafts, err := s.Connector(t, 1, NewTable()).Draft(record)
		if string(record) != before {
			t.Fatal("the record was changed")
		}
		if err != nil {
			return
		}
		if len(drafts) == 0 {
			t.Fatal("no event, and no error")
		}
		names := NewTable()
		again, err := s.Connector(t, 2, names).Draft(record)
		if err != nil || len(again) != len(drafts) {
			t.Fatalf("a second time: %d events, then %d (%v)", len(drafts), len(again), err)
		}
		for i, d := range drafts {
			b := Line(t, &d)
			parsed, err := events.ParseEvent(b)
			if err != nil {
				t.Fatalf("%v\n%s", err, b)
			}
			if marshalled, err := parsed.Marshal(); err != nil || !bytes.Equal(marshalled, b) {
				t.Fatalf("marshals to something else (%v):\n%s\n%s", err, b, marshalled)
			}
			Opened(t, &d)
			if again[i].Event.ID != d.Event.ID || again[i].Event.Nonce == d.Event.Nonce {
				t.Fatalf("a second time: %s and %s", again[i].Event.ID, d.Event.ID)
			}
		}
	})
}

// Line returns an event as it is published, after judging it as admission does.
func Line(t testing.TB, d *events.Draft) []byte {
	t.Helper()
	b, err := d.Event.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := vocabulary.CheckLine(b); err != nil {
		t.Fatalf("admission would not take the event: %v\n%s", err, b)
	}
	return b
}

// Opened returns an event's data with each _sd replaced by what is disclosed of
// it. Every disclosure must be found in exactly one place.
func Opened(t testing.TB, d *events.Draft) any {
	t.Helper()
	disclosures := map[string]events.Disclosure{}
	for _, one := range d.Disclosures {
		disclosures[one.Digest()] = one
	}
	var data any
	if err := json.Unmarshal(d.Event.Data, &data); err != nil {
		t.Fatal(err)
	}
	open(t, data, disclosures)
	if len(disclosures) > 0 {
		t.Errorf("%d disclosures belong to no digest of the event", len(disclosures))
	}
	return data
}

func open(t testing.TB, v any, disclosures map[string]events.Disclosure) {
	object, ok := v.(map[string]any)
	if !ok {
		return
	}
	for name, v := range object {
		if name != "_sd" {
			open(t, v, disclosures)
			continue
		}
		known := map[string]any{}
		for _, digest := range v.([]any) {
			one, ok := disclosures[digest.(string)]
			if !ok {
				continue // a decoy
			}
			delete(disclosures, digest.(string))
			fact, value, err := one.Open()
			if err != nil {
				t.Fatal(err)
			}
			if _, taken := object[fact]; taken || known[fact] != nil {
				t.Errorf("%s is disclosed beside itself", fact)
			}
			known[fact] = value
		}
		object[name] = known
	}
}

// Leaf is a text or a number in a JSON value; elements of arrays have an empty
// name in its path.
type Leaf struct{ Path, Text string }

// Leaves returns all of them.
func Leaves(t testing.TB, raw []byte) (leaves []Leaf) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var whole any
	if err := decoder.Decode(&whole); err != nil {
		t.Fatal(err)
	}
	var walk func(string, any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, v := range v {
				walk(path+"/"+name, v)
			}
		case []any:
			for _, v := range v {
				walk(path+"/", v)
			}
		case string:
			leaves = append(leaves, Leaf{path, v})
		case json.Number:
			leaves = append(leaves, Leaf{path, v.String()})
		}
	}
	walk("", whole)
	return leaves
}

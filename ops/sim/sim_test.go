package sim

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/schema"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings"
	"github.com/saksi-ledger/saksi/projections/store/memory"
	"github.com/saksi-ledger/saksi/projections/views"
	"github.com/saksi-ledger/saksi/schemas"
)

var monday = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// written is all that a country says, as text.
func written(t *testing.T, c *Country) []byte {
	t.Helper()
	var b bytes.Buffer
	for s := range c.Steps() {
		fmt.Fprintf(&b, "%s %s %v %d\n", s.At, s.Recorder, s.Attests, s.Mischief)
		for _, d := range append(slices.Clone(s.Drafts), s.Instead...) {
			line, err := d.Event.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			b.Write(append(line, '\n'))
		}
	}
	return b.Bytes()
}

func TestSameSeedSameCountry(t *testing.T) {
	one, again := written(t, New(Config{Seed: 7, Start: monday})), written(t, New(Config{Seed: 7, Start: monday}))
	if !bytes.Equal(one, again) {
		t.Error("the same seed gave another country")
	}
	if bytes.Equal(one, written(t, New(Config{Seed: 8, Start: monday}))) {
		t.Error("another seed gave the same country")
	}
}

func TestEveryEventIsValid(t *testing.T) {
	rules, err := schema.Compile(schemas.CurrentRuleset())
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]int{}
	ids := map[string]bool{}
	for s := range New(Config{Seed: 1, Start: monday}).Steps() {
		for _, d := range append(slices.Clone(s.Drafts), s.Instead...) {
			line, err := d.Event.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if err := rules.ValidateEvent(d.Event.Type, line); err != nil {
				t.Fatalf("%s: %v\n%s", s.Recorder, err, line)
			}
			if ids[d.Event.ID] {
				t.Errorf("the id %s is given twice", d.Event.ID)
			}
			ids[d.Event.ID] = true
			said[d.Event.Type]++
		}
	}
	for _, want := range []string{
		events.TypeAccessRequested, events.TypeAccessApproved, events.TypeAccessDenied, events.TypeSessionOpened, events.TypeSessionClosed,
		events.TypeZoneEntered, events.TypeZoneLeft, events.TypeAccessPerformed, events.TypeFacilityDescribed,
	} {
		if said[want] == 0 {
			t.Errorf("nobody said %s", want)
		}
	}
	if n := len(ids); n < 2000 || n > 4000 {
		t.Errorf("a day has %d events: want 2,000 to 4,000", n)
	}
}

func TestPlantedIsWhatIsSaid(t *testing.T) {
	c := New(Config{Seed: 1, Start: monday})
	said := written(t, c)
	if len(c.Planted()) != 10 {
		t.Errorf("%d things are planted: want 10", len(c.Planted()))
	}
	recorders := map[string]bool{}
	for _, p := range c.Planted() {
		for _, id := range p.Events {
			if !bytes.Contains(said, []byte(id)) {
				t.Errorf("%s: the event %s is not in the day", p.Kind, id)
			}
		}
		if recorders[p.Recorder] && len(p.Findings) > 0 {
			t.Errorf("%s: something else is planted on %s", p.Kind, p.Recorder)
		}
		recorders[p.Recorder] = len(p.Findings) > 0
	}
	if _, err := json.Marshal(c.Planted()); err != nil {
		t.Error(err)
	}
	if honest := New(Config{Seed: 1, Start: monday, Honest: true}).Planted(); len(honest) > 0 {
		t.Errorf("an honest country has %v planted", honest)
	}
}

// world is a ledger to replay days in.
type world struct {
	*Replayer
	dir string
	log *formats.Log
}

func newWorld(t testing.TB) *world {
	signers := map[string]*events.Signer{}
	for _, name := range []string{"nimbus-my", "stratus-my", "tanahdata"} {
		signers[name] = newSigner(t)
	}
	authority, own := newSigner(t), newSigner(t)
	private, public, err := note.GenerateKey(rand.Reader, "ledger.example.my/sim")
	must(t, err)
	clock := &Clock{at: monday.Add(-time.Hour)}
	config := writer.Config{Dir: t.TempDir(), EventKey: own, Log: slog.New(slog.DiscardHandler), Now: clock.Now}
	config.LogKey, err = note.NewSigner(private)
	must(t, err)
	registry := events.RegistryRecorder("mcmc")
	event, err := events.NewEvent(registry, events.TypeGenesis, "genesis", clock.at, events.Genesis{
		Origin: "ledger.example.my/sim", Jurisdiction: "MY",
		Authorities: []events.GenesisMandate{{
			Authority: "mcmc", Key: authority.PublicKey().String(), Mandate: events.Mandate{Facilities: []string{"*"}, Families: []string{"*"}},
		}},
		LedgerKey: own.PublicKey().String(), LogKey: public, Ruleset: events.DigestOf(schemas.CurrentRuleset()).String(),
		Retention: events.Retention{Access: "P7Y", Facility: "P7Y", Attestation: "P7Y", Registry: "forever", Rejected: "P1Y", Disclosures: "P1Y"},
	}, rand.Reader)
	must(t, err)
	line, err := event.Marshal()
	must(t, err)
	genesis, err := events.Seal(&events.Manifest{Recorder: registry, Incarnation: 1, First: 1}, [][]byte{line}, authority)
	must(t, err)
	must(t, writer.Create(t.Context(), config, genesis.Marshal()))
	l, err := writer.Open(t.Context(), config)
	must(t, err)
	log, err := formats.NewLog(public)
	must(t, err)
	return &world{dir: config.Dir, log: log, Replayer: &Replayer{
		Ledger: l, Authority: "mcmc", Key: authority, Genesis: genesis.ManifestDigest(), Signers: signers, Clock: clock, Afterwards: 6 * time.Hour,
	}}
}

// found replays a country and returns what the real views found.
func (w *world) found(t *testing.T, c *Country) []findings.Finding {
	t.Helper()
	began := time.Now()
	refused, err := w.Run(t.Context(), c)
	must(t, err)
	for _, r := range refused {
		t.Errorf("leaf %d was rejected: %s %s", r.Leaf, r.Code, r.Reason)
	}
	t.Logf("%d events and %d leaves in %s", c.Events(), w.Ledger.Size(), time.Since(began))
	must(t, w.Ledger.Close(t.Context()))
	reader, err := archive.OpenDirectory(w.dir, w.log)
	must(t, err)
	defer reader.Close()
	backend := memory.New()
	engine, err := projections.OpenEngine(t.Context(), backend, views.All(), projections.Options{Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	defer engine.Close()
	must(t, engine.RunTo(t.Context(), reader, w.Ledger.Size()))
	store, err := projections.OpenStore(t.Context(), backend, views.All())
	must(t, err)
	defer store.Close()
	page, err := store.Rows(t.Context(), "findings", projections.Query{Limit: 1000, Ascending: true})
	must(t, err)
	var all []findings.Finding
	for _, row := range page.Rows {
		all = append(all, *row.Value.(*findings.Finding))
	}
	return all
}

// TestFindingsAreThePlanted: what was done wrong is found, and nothing else that
// matters.
func TestFindingsAreThePlanted(t *testing.T) {
	for seed := range uint64(2) {
		c := New(Config{Seed: seed, Start: monday})
		found := newWorld(t).found(t, c)
		want := map[string]string{}
		for _, p := range c.Planted() {
			for _, rule := range p.Findings {
				want[rule+" "+p.Recorder] = p.Kind
			}
		}
		seen := map[string]bool{}
		for _, f := range found {
			key := f.Rule + " " + f.Recorder
			seen[key] = true
			if _, planted := want[key]; !planted && f.Severity != findings.Info && f.Severity != findings.Low && f.State == findings.Open {
				t.Errorf("seed %d: %s was not planted: %s", seed, key, f.Summary)
			}
		}
		for key, kind := range want {
			if !seen[key] {
				t.Errorf("seed %d: %s: no finding %s", seed, kind, key)
			}
		}
	}
}

// TestHonestCountry: ordinary noise is no finding.
func TestHonestCountry(t *testing.T) {
	for _, f := range newWorld(t).found(t, New(Config{Seed: 5, Start: monday, Honest: true})) {
		if f.Severity == findings.Medium || f.Severity == findings.High || !strings.Contains("info low", string(f.Severity)) {
			t.Errorf("%s on %s: %s", f.Rule, f.Recorder, f.Summary)
		}
	}
}

func BenchmarkCountry(b *testing.B) {
	made := 0
	for b.Loop() {
		c := New(Config{Seed: 1, Start: monday, Scale: 10})
		for s := range c.Steps() {
			made += len(s.Drafts)
		}
	}
	b.ReportMetric(float64(made)/b.Elapsed().Seconds(), "events/s")
}

func newSigner(t testing.TB) *events.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	signer, err := events.NewSigner(private)
	must(t, err)
	return signer
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

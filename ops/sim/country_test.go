package sim

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
)

// TestSameSeedSameEnvelopes: with the same keys, to the byte.
func TestSameSeedSameEnvelopes(t *testing.T) {
	signers := fixedSigners(t)
	one, again := sealed(t, New(Config{Seed: 3, Start: monday}), signers), sealed(t, New(Config{Seed: 3, Start: monday}), signers)
	if len(one) != len(again) {
		t.Fatalf("%d envelopes, then %d", len(one), len(again))
	}
	for i := range one {
		if one[i].Subject != again[i].Subject || !bytes.Equal(one[i].Body, again[i].Body) {
			t.Fatalf("envelope %d, of %s, differs", i, one[i].Recorder)
		}
	}
}

// trouble is what is wrong with the numbers and chains of envelopes, by recorder.
func trouble(t *testing.T, messages []Message) map[string]string {
	t.Helper()
	type position struct {
		next     uint64
		manifest events.Digest
	}
	heads, wrong := map[events.Recorder]position{}, map[string]string{}
	for _, m := range messages {
		e, err := events.ParseEnvelope(m.Body)
		must(t, err)
		must(t, e.CheckDigests())
		h := heads[m.Recorder]
		switch {
		case h.next > e.Manifest.First:
			wrong[m.Recorder.String()] = "contradiction"
		case e.Manifest.First > max(1, h.next):
			wrong[m.Recorder.String()] = "withheld"
		case h.manifest != e.Manifest.Previous:
			if _, found := wrong[m.Recorder.String()]; !found {
				wrong[m.Recorder.String()] = "broken chain"
			}
		}
		heads[m.Recorder] = position{e.Manifest.Last() + 1, e.ManifestDigest()}
	}
	return wrong
}

// TestTroubleIsPlanted: numbers and chains of an honest day are whole, whatever its
// length, and of another day they are wrong where that is planted.
func TestTroubleIsPlanted(t *testing.T) {
	signers := fixedSigners(t)
	for seed := range uint64(3) {
		for _, hours := range []int{1, 5, 30} {
			honest := New(Config{Seed: seed, Start: monday.Add(time.Duration(seed) * 5 * time.Hour), Hours: hours, Honest: true})
			if wrong := trouble(t, sealed(t, honest, signers)); len(wrong) > 0 {
				t.Errorf("seed %d, %d hours: an honest country has %v", seed, hours, wrong)
			}
		}
		c := New(Config{Seed: seed, Start: monday})
		want := map[string]string{}
		for _, p := range c.Planted() {
			if slices.Contains([]string{"withheld", "broken chain", "contradiction"}, p.Kind) {
				want[p.Recorder] = p.Kind
			}
		}
		if got := trouble(t, sealed(t, c, signers)); !maps.Equal(got, want) {
			t.Errorf("seed %d: %v, and planted is %v", seed, got, want)
		}
	}
}

// TestDelivery: nothing is delivered before it happened, but for clocks that are ahead,
// nor after its period was attested, and nothing before or after the day.
func TestDelivery(t *testing.T) {
	var latest time.Duration
	for seed := range uint64(3) {
		c := New(Config{Seed: seed, Start: monday.Add(7 * time.Hour), Honest: true, Scale: 4})
		sworn, before := map[events.Recorder]time.Time{}, c.config.Start
		for s := range c.Steps() {
			if s.At.Before(before) || s.At.After(c.End()) {
				t.Fatalf("seed %d: %s delivers at %s, after %s", seed, s.Recorder, s.At, before)
			}
			before = s.At
			for _, d := range s.Drafts {
				at, err := time.Parse(time.RFC3339, d.Event.Time)
				must(t, err)
				at = at.Add(-c.habits[s.Recorder].skew)
				if at.After(s.At) || at.Before(sworn[s.Recorder]) {
					t.Errorf("seed %d: %s: what happened at %s is delivered at %s, and all until %s is attested", seed, s.Recorder, at, s.At, sworn[s.Recorder])
				}
				latest = max(latest, s.At.Sub(at))
			}
			if s.Attests != nil {
				sworn[s.Recorder] = s.Attests.To
			}
		}
	}
	if latest < time.Hour {
		t.Errorf("the latest delivery is %s late: want some of an hour and more", latest)
	}
}

// seen is an event of a day, read again.
type seen struct {
	at        time.Time // without the recorder's skew
	recorder  events.Recorder
	eventType string
	data      json.RawMessage
}

func everything(t *testing.T, c *Country) []seen {
	t.Helper()
	var all []seen
	for s := range c.Steps() {
		for _, d := range s.Drafts {
			at, err := time.Parse(time.RFC3339, d.Event.Time)
			must(t, err)
			all = append(all, seen{at.Add(-c.habits[s.Recorder].skew), s.Recorder, d.Event.Type, d.Event.Data})
		}
	}
	slices.SortStableFunc(all, func(a, b seen) int { return a.at.Compare(b.at) })
	return all
}

func read[D any](t *testing.T, s seen) (d D) {
	t.Helper()
	must(t, json.Unmarshal(s.data, &d))
	return d
}

// TestManners: on an honest day people are where they can be, ask before they touch,
// go in by doors, and sign out. Rules that will look for the contrary find nothing.
func TestManners(t *testing.T) {
	tailgated := 0
	for seed := range uint64(4) {
		c := New(Config{Seed: seed, Start: monday.Add(time.Duration(seed) * 5 * time.Hour), Honest: true, Scale: 1 + float64(seed%2)*2})
		approved, open, halls := map[string]events.AccessRequested{}, map[string]events.SessionOpened{}, map[string]bool{}
		asked := map[string]events.AccessRequested{}
		type place struct {
			city string
			at   time.Time
		}
		last := map[string]place{}
		sessions := 0
		for _, s := range everything(t, c) {
			switch s.eventType {
			case events.TypeAccessRequested:
				r := read[events.AccessRequested](t, s)
				asked[r.AccessID] = r
			case events.TypeAccessApproved:
				id := read[events.AccessDecided](t, s).AccessID
				if asked[id].Request == "" {
					t.Errorf("seed %d: %s is approved and was not asked for", seed, id)
				}
				approved[id] = asked[id]
			case events.TypeZoneEntered, events.TypeZoneLeft:
				z := read[events.ZonePassed](t, s)
				here := city(s.recorder.Facility)
				if l, found := last[z.Actor.ID]; found && l.city != here && s.at.Sub(l.at) < travel(l.city, here) {
					t.Errorf("seed %d: %s is in %s at %s and in %s at %s", seed, z.Actor.ID, l.city, l.at, here, s.at)
				}
				last[z.Actor.ID] = place{here, s.at}
				inside := s.recorder.Facility + " " + z.Zone + " " + z.Actor.ID
				if z.Zone != "lobby" && s.eventType == events.TypeZoneLeft && !halls[inside] {
					t.Errorf("seed %d: %s leaves %s and had not entered", seed, z.Actor.ID, z.Zone)
				}
				if z.Zone == "lobby" && s.eventType == events.TypeZoneLeft && !halls[inside] && s.at.Sub(c.config.Start) > 9*time.Hour {
					tailgated++ // whose shift began before the day does is not counted
				}
				halls[inside] = s.eventType == events.TypeZoneEntered && z.Outcome == events.OutcomeSuccess
			case events.TypeSessionOpened:
				o := read[events.SessionOpened](t, s)
				open[o.Session] = o
				sessions++
				r, found := approved[o.AccessID]
				if o.Mode != events.ModeBreakGlass && (!found || s.at.Before(r.Window.From.Time) || r.Actor.ID != o.Actor.ID) {
					t.Errorf("seed %d: session %s of %s has no approval", seed, o.Session, o.Actor.ID)
				}
				if o.Mode == events.ModeConsole && !halls[s.recorder.Facility+" hall-2 "+o.Actor.ID] {
					t.Errorf("seed %d: %s is at a console, and not in the hall", seed, o.Actor.ID)
				}
			case events.TypeSessionClosed:
				id := read[events.SessionClosed](t, s).Session
				if _, found := open[id]; !found {
					t.Errorf("seed %d: session %s is closed and was not open", seed, id)
				}
				delete(open, id)
			case events.TypeAccessPerformed:
				p := read[events.AccessPerformed](t, s)
				if _, found := open[p.Session]; p.Session != "" && !found {
					t.Errorf("seed %d: something is done in session %s, which is not open", seed, p.Session)
				}
			}
		}
		if len(open) > 0 || sessions < 50 {
			t.Errorf("seed %d: of %d sessions %d are not closed", seed, sessions, len(open))
		}
	}
	if tailgated == 0 {
		t.Error("nobody came in behind somebody else")
	}
}

// TestScale: as much more goes on as was asked for.
func TestScale(t *testing.T) {
	small, large := New(Config{Seed: 1, Start: monday}).Events(), New(Config{Seed: 1, Start: monday, Scale: 20}).Events()
	if large < 40_000 || large < 18*small {
		t.Errorf("20 times %d events are %d", small, large)
	}
}

func sealed(t *testing.T, c *Country, signers map[string]*events.Signer) (all []Message) {
	t.Helper()
	w := NewWriter(signers)
	for s := range c.Steps() {
		messages, err := w.Seal(s)
		must(t, err)
		all = append(all, messages...)
	}
	return all
}

func fixedSigners(t *testing.T) map[string]*events.Signer {
	t.Helper()
	signers := map[string]*events.Signer{}
	for i, name := range []string{"nimbus-my", "stratus-my", "tanahdata"} {
		signer, err := events.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, ed25519.SeedSize)))
		must(t, err)
		signers[name] = signer
	}
	return signers
}

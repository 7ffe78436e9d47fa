package events_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/saksi-ledger/saksi/events"
)

func TestParseRef(t *testing.T) {
	for _, c := range []struct {
		text  string
		leaf  uint64
		event int
	}{
		{"0/0", 0, 0},
		{"12/3", 12, 3},
		{"9223372036854775807/2147483647", 1<<63 - 1, 1<<31 - 1},
	} {
		ref, err := events.ParseRef(c.text)
		if err != nil || ref != (events.Ref{Leaf: c.leaf, Event: c.event}) {
			t.Errorf("ParseRef(%q) = %v, %v", c.text, ref, err)
		}
	}
	for _, text := range []string{
		"", "/", "12", "12/", "/3", "+12/3", "012/3", "12/03", "12/-1", "-1/0", " 12/3", "12/3 ", "12/3/4", "12//3", "0x1/0", "1_0/0",
		"9223372036854775808/0", "0/2147483648", "a#12/3",
	} {
		if ref, err := events.ParseRef(text); err == nil {
			t.Errorf("ParseRef(%q) = %v: want an error", text, ref)
		}
	}
}

func TestLedgerRef(t *testing.T) {
	for text, want := range map[string]events.LedgerRef{
		"ledger.example.my/2026#12/3": {Origin: "ledger.example.my/2026", Ref: events.Ref{Leaf: 12, Event: 3}},
		"a#b#0/1":                     {Origin: "a#b", Ref: events.Ref{Event: 1}},
	} {
		got, err := events.ParseLedgerRef(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("ParseLedgerRef(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "12/3", "#12/3", "a#", "a#12", "a#12/03", "a#12/3#"} {
		if got, err := events.ParseLedgerRef(text); err == nil {
			t.Errorf("ParseLedgerRef(%q) = %v: want an error", text, got)
		}
	}
	if _, err := events.ParseLedgerRef(strings.Repeat("x", 10_000)); err == nil || len(err.Error()) > 300 {
		t.Errorf("the error about a long text is %d bytes long", len(err.Error()))
	}
}

// What is written is read back, as text, as JSON and in lists, and refs are in the order
// of their numbers, not of their text.
func TestRefsComeBack(t *testing.T) {
	one := rapid.Custom(func(t *rapid.T) events.Ref {
		return events.Ref{Leaf: rapid.Uint64Range(0, 1<<63-1).Draw(t, "leaf"), Event: rapid.IntRange(0, 1<<31-1).Draw(t, "event")}
	})
	rapid.Check(t, func(t *rapid.T) {
		refs := events.Refs(rapid.SliceOf(one).Draw(t, "refs"))
		text, err := json.Marshal(refs)
		if err != nil {
			t.Fatal(err)
		}
		var plain []string
		if err := json.Unmarshal(text, &plain); err != nil || len(plain) != len(refs) {
			t.Fatalf("%s is not a list of %d strings: %v", text, len(refs), err)
		}
		var back events.Refs
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		for i, ref := range refs {
			if back[i] != ref || ref.Fields().Ref() != ref {
				t.Fatalf("%v came back as %v and %v", ref, back[i], ref.Fields().Ref())
			}
			full := events.LedgerRef{Origin: "o/#", Ref: ref}
			if again, err := events.ParseLedgerRef(full.String()); err != nil || again != full {
				t.Fatalf("%v came back as %v, %v", full, again, err)
			}
			if i > 0 {
				want := 0
				switch a, b := refs[i-1], ref; {
				case a.Leaf < b.Leaf || a.Leaf == b.Leaf && a.Event < b.Event:
					want = -1
				case a != b:
					want = 1
				}
				if got := refs[i-1].Compare(ref); got != want {
					t.Fatalf("%v compared with %v is %d: want %d", refs[i-1], ref, got, want)
				}
			}
		}
	})
}

package report

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json/jsontext"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

var verb = regexp.MustCompile(`%[.0-9]*[a-z]`)

// TestWords: both languages say the same things, about the same things in the same
// order, and templates and code ask for nothing else.
func TestWords(t *testing.T) {
	for key, text := range english {
		other, ok := malay[key]
		if !ok {
			t.Errorf("Malay lacks %q", key)
			continue
		}
		if a, b := verb.FindAllString(text, -1), verb.FindAllString(other, -1); !slices.Equal(a, b) {
			t.Errorf("%s: English has %v, Malay %v", key, a, b)
		}
	}
	for key := range malay {
		if _, ok := english[key]; !ok {
			t.Errorf("English lacks %q", key)
		}
	}
	for _, match := range regexp.MustCompile(`t "([a-z0-9.]+)"`).FindAllStringSubmatch(htmlReport+textReport, -1) {
		if _, ok := english[match[1]]; !ok {
			t.Errorf("a template asks for %q", match[1])
		}
	}
}

// TestTold: of every valid example of the vocabulary something is told in words, in both
// languages, and of whoever touched it, who that was.
func TestTold(t *testing.T) {
	examples := os.DirFS(path.Join("..", "..", "schemas", "examples"))
	files, err := fs.Glob(examples, "saksi.*/valid-*.json")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(examples, file)
		if err != nil {
			t.Fatal(err)
		}
		var e struct {
			Type string       `json:"type"`
			Data jsonv2.Value `json:"data"`
		}
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for name, w := range map[string]words{"en": english, "ms": malay} {
			who, what := w.tell(&verify.StatedEvent{Type: e.Type, Data: e.Data}, nil)
			if what == "" || strings.Contains(who+what, "%!") || strings.Contains(who+what, "[told") || strings.Contains(what, "unstated") {
				t.Errorf("%s, %s: %q, %q", file, name, who, what)
			}
			_, typed := w["type."+strings.TrimSuffix(strings.TrimPrefix(e.Type, "saksi."), ".v1")]
			if family := events.FamilyOf(e.Type); !typed && family != "registry" {
				t.Errorf("%s, %s: no words for the type %s", file, name, e.Type)
			}
			if strings.Contains(string(e.Data), `"actor":{"id":`) && !strings.Contains(who, ": ") {
				t.Errorf("%s, %s: who: %q", file, name, who)
			}
		}
	}
	who, what := english.tell(&verify.StatedEvent{Type: events.TypeAccessPerformed, Data: jsonv2.Value(`{"actor":{"id":"p-1","kind":"person","party":"vendor","employer":"acme","employerCountry":"SG","officeCountry":"MY","physicalCountry":"??"},
		"operation":"door.open","access":"unstated","outcome":"denied","reason":{"code":"operator_maintenance"},"mode":"physical","from":{"country":"CN"}}`)}, &verify.StatedFacility{Facility: "lab-1", Country: "MY"})
	if want := "p-1: a person, of a vendor, employer: acme (SG), office in: MY, was physically in: not known to the operator"; who != want {
		t.Errorf("who: %q", who)
	}
	if want := "operation performed or tried; operation: door.open; access: not stated; outcome: denied; how: physically; from the country: CN; reason given: the operator's maintenance; at the facility lab-1 in MY"; what != want {
		t.Errorf("what: %q", what)
	}
	if got := english.eventTime("2026-11-23T16:15:30.125+08:00"); got != "2026-11-23T08:15:30Z" {
		t.Errorf("time: %s", got)
	}
}

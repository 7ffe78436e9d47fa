package disclosed_test

import (
	"bytes"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/disclosed"
)

func made(t testing.TB) (events.Recorder, []byte, []events.Disclosure) {
	t.Helper()
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	if err != nil {
		t.Fatal(err)
	}
	disclose := func(name string, value any) events.Disclosure {
		d, err := events.NewDisclosure(name, value, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	inner := disclose("given", "Ali")
	list := []events.Disclosure{disclose("name", map[string]any{"_sd": []string{inner.Digest()}}), inner}
	sd, err := events.SD(list[:1], rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	event, err := events.NewEvent(recorder, events.TypeAccessDisclosed, "e-1", time.Unix(0, 0), map[string]any{"actor": map[string]any{"id": "p-1", "_sd": sd}}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	line, err := event.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return recorder, line, list
}

func TestSealedAndOpened(t *testing.T) {
	recorder, line, list := made(t)
	mine, _ := age.GenerateX25519Identity()
	other, _ := age.GenerateX25519Identity()
	m, err := disclosed.Seal(recorder, line, list, []string{mine.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	text, err := m.Marshal()
	if err != nil || bytes.Contains(text, []byte("Ali")) {
		t.Fatalf("%s, %v", text, err)
	}
	back, err := disclosed.Parse(text)
	if err != nil || back.Event != events.DigestOf(line) || back.ID != "e-1" {
		t.Fatalf("%+v, %v", back, err)
	}
	got, err := back.Open(mine)
	if err != nil || !slices.Equal(got, list) {
		t.Fatalf("%v, %v", got, err)
	}
	facts, err := disclosed.Check(line, got)
	if err != nil || len(facts) != 2 || facts[1].Name != "given" || facts[1].Value != "Ali" {
		t.Errorf("%v, %v", facts, err)
	}
	if _, err := back.Open(other); err == nil {
		t.Error("a stranger opens it")
	}
}

func TestRefused(t *testing.T) {
	recorder, line, list := made(t)
	_, another, _ := made(t)
	mine, _ := age.GenerateX25519Identity()
	to := []string{mine.Recipient().String()}
	for name, bad := range map[string][]events.Disclosure{
		"none": nil, "twice": {list[0], list[0]}, "inner alone": {list[1]}, "too many": slices.Repeat(list, 200),
	} {
		if _, err := disclosed.Seal(recorder, line, bad, to); err == nil {
			t.Errorf("%s: sealed", name)
		}
	}
	if _, err := disclosed.Check(another, list); err == nil {
		t.Error("they open another event")
	}
	for _, bad := range [][]string{nil, {"age1nobody"}, slices.Repeat(to, 17)} {
		if _, err := disclosed.Seal(recorder, line, list, bad); err == nil {
			t.Errorf("sealed to %v", bad)
		}
	}
	if _, err := disclosed.Parse([]byte(strings.Repeat(" ", disclosed.MaxMessage+1))); err == nil {
		t.Error("a message has no bound")
	}
}

// FuzzParse holds that what is accepted has one written form.
func FuzzParse(f *testing.F) {
	recorder, line, list := made(f)
	mine, _ := age.GenerateX25519Identity()
	m, err := disclosed.Seal(recorder, line, list, []string{mine.Recipient().String()})
	if err != nil {
		f.Fatal(err)
	}
	text, _ := m.Marshal()
	f.Add(text)
	f.Add([]byte(`{"v":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := disclosed.Parse(text)
		if err != nil {
			return
		}
		if again, err := m.Marshal(); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%q\nis written again as\n%q, %v", text, again, err)
		}
		if _, err := m.Open(mine); err == nil && len(m.Ciphertext) == 0 {
			t.Error("nothing opens")
		}
	})
}

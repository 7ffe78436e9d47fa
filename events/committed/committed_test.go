package committed_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/committed"
)

// Every record of every batch up to 40 is proven, and nothing else in its place is.
func TestBelongs(t *testing.T) {
	var tree committed.Tree
	for n := range int64(40) {
		record, err := committed.Salt(fmt.Appendf(nil, `{"n":%d}`, n), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Append(committed.Leaf(record)); err != nil {
			t.Fatal(err)
		}
		root, err := tree.Root()
		if err != nil || tree.Count() != n+1 {
			t.Fatal(tree.Count(), err)
		}
		for i := range n + 1 {
			p, err := tree.Prove(i)
			if err != nil {
				t.Fatal(err)
			}
			if err := committed.Belongs(root.String(), n+1, &p); err != nil {
				t.Fatalf("record %d of %d: %v", i, n+1, err)
			}
			forged := p
			forged.Digest = events.DigestOf([]byte(p.Digest)).String()
			moved := p
			moved.Index = (p.Index + 1) % events.Integer(n+1)
			for name, wrong := range map[string]events.ProducedRecord{
				"another record": forged, "beyond the batch": {Index: events.Integer(n + 1), Digest: p.Digest, Proof: p.Proof},
				"below 0": {Index: -1, Digest: p.Digest, Proof: p.Proof}, "no digest": {Index: p.Index, Digest: "x", Proof: p.Proof},
				"no digest in the proof": {Index: p.Index, Digest: p.Digest, Proof: append([]string{"x"}, p.Proof...)},
				"a longer proof":         {Index: p.Index, Digest: p.Digest, Proof: append([]string{p.Digest}, p.Proof...)},
			} {
				if committed.Belongs(root.String(), n+1, &wrong) == nil {
					t.Errorf("%s belongs, record %d of %d", name, i, n+1)
				}
			}
			if n > 0 && committed.Belongs(root.String(), n+1, &moved) == nil {
				t.Errorf("record %d of %d belongs at %d", i, n+1, moved.Index)
			}
			if committed.Belongs(p.Digest, n+1, &p) == nil && n > 0 {
				t.Errorf("record %d of %d belongs under another root", i, n+1)
			}
		}
	}
	if _, err := tree.Prove(40); err == nil {
		t.Error("a record that isn't there is proven")
	}
}

func TestSalt(t *testing.T) {
	const native = "{\"who\":\"ana\",\n \"é<>&\":1}"
	one, err := committed.Salt([]byte(native), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	two, err := committed.Salt([]byte(native), rand.Reader)
	if err != nil || one == two || committed.Leaf(one) == committed.Leaf(two) {
		t.Errorf("the same record has the same leaf: %v", err)
	}
	if got, err := committed.Native(one); err != nil || string(got) != native {
		t.Errorf("%q, %v", got, err)
	}
	for name, wrong := range map[string][]byte{"too long": bytes.Repeat([]byte("x"), committed.MaxRecord), "not UTF-8": {0xff}} {
		if _, err := committed.Salt(wrong, rand.Reader); err == nil {
			t.Errorf("%s was salted", name)
		}
	}
	number, err := events.NewDisclosure("native", 1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name, err := events.NewDisclosure("name", "ana", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []events.Disclosure{"", "x", number, name} {
		if got, err := committed.Native(d); err == nil {
			t.Errorf("%s is the record %q", d, got)
		}
	}
}

// Whatever a record is, what is salted opens to it, and a stranger's text either does or
// is refused.
func FuzzNative(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"a":"b"}`, "\x00", "é\u2028", strings.Repeat("x", 40_000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if native, err := committed.Native(events.Disclosure(text)); err == nil && len(native) > len(text) {
			t.Fatalf("%d bytes of %d", len(native), len(text))
		}
		d, err := committed.Salt([]byte(text), rand.Reader)
		if err != nil {
			return
		}
		native, err := committed.Native(d)
		if err != nil || string(native) != text {
			t.Fatalf("%q became %q, %v", text, native, err)
		}
	})
}

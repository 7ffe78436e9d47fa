package node_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/schemas"
)

// notJSON adds what no parser may let through as an envelope.
func (f *forge) notJSON() {
	good := f.good()
	first, rest, _ := bytes.Cut(good, []byte("\n"))
	line1 := func(old, new string) []byte {
		changed := strings.Replace(string(first), old, new, 1)
		if changed == string(first) {
			f.Fatalf("line 1 holds no %s", old)
		}
		return slices.Concat([]byte(changed), []byte("\n"), rest)
	}
	f.malformed("empty body", nil)
	f.malformed("one line feed", []byte("\n"))
	f.malformed("not JSON", []byte("hello, ledger\n"))
	f.malformed("JSON of another kind", []byte("[1,2,3]\n"))
	f.malformed("null", []byte("null\n"))
	f.malformed("NUL bytes", bytes.Repeat([]byte{0}, 512))
	f.malformed("NUL in line 1", line1(`"payload"`, "\"pay\x00load\""))
	f.malformed("all bytes", allBytes())
	f.malformed("no last line feed", bytes.TrimSuffix(good, []byte("\n")))
	f.malformed("carriage returns", bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")))
	f.malformed("byte order mark", append([]byte("\ufeff"), good...))
	f.malformed("an empty line after", append(bytes.Clone(good), '\n'))
	f.malformed("an empty line before", append([]byte("\n"), good...))
	f.malformed("wrong type of payload", line1(`"payload":"`, `"payload":7,"x":"`))
	f.malformed("wrong type of signatures", line1(`"signatures":[`, `"signatures":{},"x":[`))
	f.malformed("another payload type", line1(events.PayloadType, "application/vnd.in-toto+json"))
	f.malformed("bad base64 of payload", line1(`"payload":"`, `"payload":"*`))
	f.malformed("white space after a colon", line1(`"payload":`, `"payload": `))
	f.malformed("white space before line 1", append([]byte(" "), good...))
	f.malformed("white space after line 1", line1(`]}`, `]} `))
	f.malformed("an unknown key in line 1", line1(`{"payloadType"`, `{"x":1,"payloadType"`))
	f.malformed("keys of line 1 in another order", reordered(first, rest))
	f.malformed("bad base64 of a signature", line1(`"sig":"`, `"sig":"=`))
	f.malformed("keyid too long", line1(`"keyid":"`, `"keyid":"`+strings.Repeat("0", 200)))
	f.malformed("an escape in keyid", line1(`"keyid":"`, `"keyid":"\u0030`))

	lines := [][]byte{eventLine(f.world, f.bastion.recorder)}
	payload := manifest(bastionName, "1", "1", "", lines)
	sign := func(payload []byte) []byte { return f.write(payload, lines, f.nimbus.signer) }
	sig := signatureJSON(f.nimbus.signer.PublicKey().ID(), make([]byte, ed25519.SignatureSize))
	f.malformed("two signatures of one key", f.write(payload, lines, f.nimbus.signer, f.nimbus.signer))
	f.malformed("nine signatures", wire(payload, lines, slices.Repeat([]string{sig}, 9)...))
	f.malformed("white space in the manifest", sign(bytes.Replace(payload, []byte(","), []byte(", "), 1)))
	f.malformed("an unknown key in the manifest", sign(bytes.Replace(payload, []byte(`{"v":1`), []byte(`{"v":1,"x":1`), 1)))
	f.malformed("a key twice in the manifest", sign(bytes.Replace(payload, []byte(`"first":1`), []byte(`"first":1,"first":1`), 1)))
	f.malformed("another version", sign(bytes.Replace(payload, []byte(`"v":1`), []byte(`"v":2`), 1)))
	f.malformed("upper case in a digest", sign(bytes.Replace(payload, []byte(`["sha256:`), []byte(`["SHA256:`), 1)))
	f.malformed("a digest cut short", sign(bytes.Replace(payload, []byte(`"]}`), nil, 1)))
	f.malformed("no events", sign(manifest(bastionName, "1", "1", "", nil)))
	f.malformed("empty manifest", sign(nil))
	f.malformed("previous is zero", sign(manifest(bastionName, "1", "1", events.Digest{}.String(), lines)))
	f.malformed("previous is empty", sign(bytes.Replace(payload, []byte(`"events"`), []byte(`"previous":"","events"`), 1)))
	for name, number := range map[string]string{"0": "0", "2^53": "9007199254740992", "2^64": "18446744073709551616", "-1": "-1", "1.0": "1.0", "01": "01", "1e0": "1e0"} {
		f.malformed("first is "+name, sign(manifest(bastionName, "1", number, "", lines)))
		f.malformed("incarnation is "+name, sign(manifest(bastionName, number, "1", "", lines)))
	}
	for _, name := range []string{"", "nimbus-my", "nimbus-my/lab-1", bastionName + "/x", "Nimbus-My/lab-1/bastion-1", "nimbus-my/../bastion-1", "nimbus-my//bastion-1", strings.Repeat("a", 41) + "/lab-1/bastion-1"} {
		f.malformed(fmt.Sprintf("recorder %.20q", name), sign(manifest(name, "1", "1", "", lines)))
	}
}

// notEvents adds well-signed envelopes whose lines are not events.
func (f *forge) notEvents() {
	for name, line := range map[string][]byte{
		"not JSON in an event":           []byte("x"),
		"an empty event":                 {},
		"an event that is a list":        []byte("[]"),
		"an event without anything":      []byte("{}"),
		"a number for id":                f.edited(`"id":"`, `"id":7,"x":"`),
		"a key twice in an event":        f.edited(`"specversion":"1.0"`, `"specversion":"1.0","specversion":"1.0"`),
		"a key twice in data":            f.edited(`"data":{`, `"data":{"mode":"api",`),
		"a key twice, once escaped":      f.edited(`"data":{`, `"data":{"m\u006fde":"api",`),
		"invalid UTF-8":                  f.edited(`"nonce":"`, "\"subject\":\"\xff\xfe\",\"nonce\":\""),
		"half a surrogate pair":          f.edited(`"nonce":"`, `"subject":"\ud800","nonce":"`),
		"NUL in an event":                f.edited(`"nonce":"`, "\"subject\":\"\x00\",\"nonce\":\""),
		"something after an event":       append(eventLine(f.world, f.bastion.recorder), " {}"...),
		"nested 33 deep":                 f.edited(`"data":{`, `"data":{"ext":`+strings.Repeat("[", 31)+strings.Repeat("]", 31)+`,`),
		"nested 10,000 deep":             f.edited(`"data":{`, `"data":{"ext":`+strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)+`,`),
		"nested 10,000 deep, not closed": []byte(strings.Repeat(`{"a":`, 10_000)),
	} {
		f.malformed(name, f.signed(line))
	}
}

// tooLarge adds what is well formed and over a limit.
func (f *forge) tooLarge() {
	long := f.edited(`"nonce":"`, `"subject":"`+strings.Repeat("x", 300<<10)+`","nonce":"`)
	f.add("300 KiB", formats.Rejected, "too_large", f.signed(long))
	short := []byte(`{"id":"1","source":"/","type":"x"}`)
	f.add("1,001 events", formats.Rejected, "too_large", f.signed(slices.Repeat([][]byte{short}, events.MaxEvents+1)...))
	f.add("1,001 digests and no event", formats.Rejected, "too_large",
		f.write(manifest(bastionName, "1", "1", "", slices.Repeat([][]byte{short}, events.MaxEvents+1)), nil, f.nimbus.signer))
}

// impostors adds envelopes by and for those who may not speak there.
func (f *forge) impostors() {
	reject := func(name, code string, body []byte) { f.add(name, formats.Rejected, code, body) }
	lines := [][]byte{eventLine(f.world, f.bastion.recorder)}
	as := func(recorder string, signer *events.Signer) []byte {
		return f.write(manifest(recorder, "1", "1", "", lines), lines, signer)
	}
	nimbus := f.nimbus.signer
	reject("an operator that nobody admitted, in the manifest", "unknown_operator", as("nobody/lab-1/bastion-1", nimbus))
	reject("an authority that is none", "unknown_operator", as("registry/nobody", nimbus))
	f.addOn("an operator that only the broker knows", formats.Rejected, "unknown_operator", f.ghost, "events.ghost.lab-1.bastion-1", as("ghost/lab-1/bastion-1", f.ghost.signer))
	f.addOn("a facility that nobody declared", formats.Rejected, "unknown_facility", f.nimbus, "events.nimbus-my.lab-7.bastion-1", as("nimbus-my/lab-7/bastion-1", nimbus))
	f.addOn("a recorder that nobody declared", formats.Rejected, "unknown_recorder", f.nimbus, "events.nimbus-my.lab-1.bastion-7", as("nimbus-my/lab-1/bastion-7", nimbus))
	f.addOn("another operator's facility", formats.Rejected, "unknown_recorder", f.nimbus, "events.nimbus-my.kul-dc-2.badge-1", as("nimbus-my/kul-dc-2/badge-1", nimbus))

	reject("another operator in the manifest", "wrong_subject", as("garuda-cloud/kul-dc-2/badge-1", nimbus))
	reject("another recorder in the manifest", "wrong_subject", as("nimbus-my/lab-1/doors-2", nimbus))
	reject("the authority in the manifest", "wrong_subject", as("registry/mcmc", nimbus))
	reject("the ledger in the manifest", "wrong_subject", as("ledger", nimbus))
	reject("another operator's key", "wrong_subject", as(bastionName, f.garuda.signer))
	registrar, err := f.home.Signer()
	f.must(err)
	reject("the authority's key", "wrong_subject", as(bastionName, registrar))
	eventKey, err := f.home.EventKey()
	f.must(err)
	reject("the ledger's key", "wrong_subject", as(bastionName, eventKey))
	reject("another operator in a source", "wrong_subject", f.signed(f.edited("/"+bastionName, "/garuda-cloud/kul-dc-2/badge-1")))
	reject("a relative source", "wrong_subject", f.signed(f.edited("/"+bastionName, bastionName)))
	for _, subject := range []string{
		`events.nimbus-my."lab-1".bastion-1`, `events.nimbus-my.lab-1.b\u0061stion-1`, "events.nimbus-my.lab-1.bästion-1", "events.nimbus-my.\x01\x7f.☃",
		"events.nimbus-my.LAB-1.bastion-1", "events.nimbus-my.%20.{}", "events.nimbus-my.\xff.x",
	} {
		f.addOn(fmt.Sprintf("subject %q", subject), formats.Rejected, "wrong_subject", f.nimbus, subject, as(bastionName, nimbus))
	}
	reject("a key that nobody registered", "unknown_key", as(bastionName, f.stranger))
	reject("a key that nobody registered beside a good one", "unknown_key", f.write(manifest(bastionName, "1", "1", "", lines), lines, nimbus, f.stranger))
	reject("a revoked key", "key_not_valid", as(bastionName, f.revoked))
	reject("a revoked key beside a good one", "key_not_valid", f.write(manifest(bastionName, "1", "1", "", lines), lines, nimbus, f.revoked))
}

// badlySigned adds envelopes whose signatures or digests do not hold.
func (f *forge) badlySigned() {
	reject := func(name, code string, body []byte) { f.add(name, formats.Rejected, code, body) }
	lines := [][]byte{eventLine(f.world, f.bastion.recorder), eventLine(f.world, f.bastion.recorder)}
	payload := manifest(bastionName, "1", "1", "", lines)
	signer := f.nimbus.signer
	id := signer.PublicKey().ID()
	sign := func(message []byte) []byte {
		sig, err := signer.Sign(rand.Reader, message)
		f.must(err)
		return sig
	}
	pae := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(events.PayloadType), events.PayloadType, len(payload), payload)
	good := sign(pae)
	flipped := bytes.Clone(good)
	flipped[17] ^= 4
	for name, sig := range map[string][]byte{
		"a bit of the signature flipped":       flipped,
		"a signature cut short":                good[:63],
		"a signature with a byte too many":     append(bytes.Clone(good), 0),
		"an empty signature":                   nil,
		"a signature of zeros":                 make([]byte, 64),
		"a signature over the bare manifest":   sign(payload),
		"a signature over another manifest":    sign(bytes.Replace(pae, []byte(`"first":1`), []byte(`"first":2`), 1)),
		"a signature over another type":        sign(bytes.Replace(pae, []byte("manifest.v1"), []byte("manifest.v2"), 1)),
		"a signature by another key":           mustSign(f, f.stranger, pae),
		"a signature whose S has L added":      malleated(good),
		"a signature over the digest of that":  sign(fmt.Append(nil, events.DigestOf(pae))),
		"a signature over line 1 as it stands": sign(bytes.TrimSuffix(wire(payload, nil), []byte("\n"))),
	} {
		reject(name, "bad_signature", wire(payload, lines, signatureJSON(id, sig)))
	}
	reject("no signatures", "missing_signature", wire(payload, lines))
	doors := newChain(f.world, "nimbus-my/lab-1/doors-2")
	one := *doors
	f.addOn("one signature where two are demanded", formats.Rejected, "missing_signature", f.nimbus, doors.recorder.Subject(), one.seal(f.world, 1, signer).Marshal())

	reject("an event changed after signing", "digest_mismatch", f.write(payload, [][]byte{lines[0], f.edited(`"mode":"`, `"mode":"x`)}, signer))
	reject("events swapped", "digest_mismatch", f.write(payload, [][]byte{lines[1], lines[0]}, signer))
	reject("a line missing", "digest_mismatch", f.write(payload, lines[:1], signer))
	reject("all lines missing", "digest_mismatch", f.write(payload, nil, signer))
	reject("a line too many", "digest_mismatch", f.write(payload, append(slices.Clone(lines), eventLine(f.world, f.bastion.recorder)), signer))

	reject("a type that nobody knows", "unknown_type", f.signed(f.edited(events.TypeAccessPerformed, "saksi.access.forgotten.v1")))
	registry := strings.Replace(string(f.edited(`"data":{`, `"data":{"operator":"garuda-cloud","reason":"x"},"y":{`)), events.TypeAccessPerformed, events.TypeOperatorSuspended, 1)
	reject("a registry event by an operator", "unknown_type", f.signed([]byte(registry)))
	reject("a second genesis", "unknown_type", f.signed(f.edited(events.TypeAccessPerformed, events.TypeGenesis)))
	reject("an epoch by an operator", "unknown_type", f.signed(f.edited(events.TypeAccessPerformed, events.TypeEpochOpened)))
	reject("a property that the schema doesn't have", "schema", f.signed(f.edited(`"data":{`, `"data":{"name":"Ali",`)))
	reject("no nonce", "schema", f.signed(f.edited(`"nonce":`, `"nonse":`)))
	reject("an attribute that CloudEvents doesn't have", "schema", f.signed(f.edited(`"data":{`, `"extra":1,"data":{`)))
	reject("another specversion", "schema", f.signed(f.edited(`"specversion":"1.0"`, `"specversion":"0.3"`)))
	now := events.At(time.Now())
	totals, err := events.NewEvent(f.bastion.recorder, events.TypeAccessCommitted, "totals", now.Time, events.AccessCommitted{
		Batch: "b-1", Root: events.DigestOf(nil).String(), Count: 2, Totals: []events.ClassTotal{{Class: "read", Count: 1}}, Window: events.Window{From: now, To: now},
	}, rand.Reader)
	f.must(err)
	line, err := totals.Marshal()
	f.must(err)
	reject("totals that do not add up", "inconsistent", f.signed(line))
	reject("one of two events against the schema", "schema", f.signed(lines[0], f.edited(`"data":{`, `"data":{"name":"Ali",`)))
}

// strange adds what is odd and must be taken: refusing evidence helps nobody.
func (f *forge) strange() {
	accept := func(name string, body []byte) { f.add(name, formats.Accepted, "", body) }
	signer := f.nimbus.signer
	first := f.bastion.seal(f.world, 3, signer).Marshal()
	accept("a good envelope", first)
	f.add("the same again", formats.Duplicate, "", first)
	accept("the next", f.bastion.seal(f.world, 1, signer).Marshal())
	f.add("the first again, after others", formats.Duplicate, "", first)

	again := newChain(f.world, bastionName)
	contradiction := again.seal(f.world, 2, signer)
	accept("other events under numbers already used", contradiction.Marshal())
	f.add("the contradiction again", formats.Duplicate, "", contradiction.Marshal())
	f.bastion.next += 100
	accept("a gap", f.bastion.seal(f.world, 1, signer).Marshal())
	f.bastion.previous = events.DigestOf([]byte("something else"))
	accept("a previous that nobody has seen", f.bastion.seal(f.world, 1, signer).Marshal())

	lines := [][]byte{eventLine(f.world, f.bastion.recorder)}
	accept("an incarnation far ahead", f.write(manifest(bastionName, "77", "1", "", lines), lines, signer))
	accept("the last sequence number", f.write(manifest(bastionName, "78", "9007199254740991", "", lines), lines, signer))
	lines = [][]byte{bytes.Replace(eventLine(f.world, f.bastion.recorder), []byte(","), []byte(" ,\t"), 1)}
	accept("white space in an event", f.write(manifest(bastionName, "79", "1", "", lines), lines, signer))
	doors := newChain(f.world, "nimbus-my/lab-1/doors-2")
	second := newSigner(f.world)
	_, err := f.registrar.AddKey(f.ctx, "nimbus-my", second.PublicKey())
	f.must(err)
	f.addOn("two signatures where two are demanded", formats.Accepted, "", f.nimbus, doors.recorder.Subject(), doors.seal(f.world, 1, signer, second).Marshal())
}

// suspended adds what a suspended operator says: the broker cuts it, so it is let
// in again there, and there alone.
func (f *forge) suspended() {
	_, err := f.registrar.SuspendOperator(f.ctx, "cut-off", "order-2026-17")
	f.must(err)
	f.until("the broker to cut a suspended operator", func() bool { return !f.cut.nc.IsConnected() })
	b, err := broker.Open(f.home.BrokerDir())
	f.must(err)
	f.must(b.Readmit(f.ctx, f.addresses.LocalNATS, "cut-off"))
	f.until("a readmitted operator to be let in", f.cut.nc.IsConnected)
	c := newChain(f.world, "cut-off/lab-9/bastion-1")
	f.addOn("a suspended operator", formats.Rejected, "suspended_operator", f.cut, c.recorder.Subject(), c.seal(f.world, 1, f.cut.signer).Marshal())
}

// beyondMandate adds what an authority says of a facility that is not its own.
func (f *forge) beyondMandate() {
	bnm := events.RegistryRecorder("bnm")
	event, err := events.NewEvent(bnm, events.TypeFacilityDeclared, "beyond", time.Now(), events.FacilityDeclared{Facility: "lab-9", Country: "SG"}, rand.Reader)
	f.must(err)
	line, err := event.Marshal()
	f.must(err)
	e, err := events.Seal(&events.Manifest{Recorder: bnm, Incarnation: 1, First: 1}, [][]byte{line}, f.seat.signer)
	f.must(err)
	f.addOn("an authority beyond its mandate", formats.Rejected, "outside_mandate", f.seat, bnm.Subject(), e.Marshal())
}

func TestHostileMessages(t *testing.T) {
	f := newForge(t)
	f.notJSON()
	f.notEvents()
	f.tooLarge()
	f.impostors()
	f.badlySigned()
	f.strange()
	f.suspended()
	f.beyondMandate()
	f.coversAllCodes()

	before := f.audit()
	sequences := make([]uint64, len(f.table))
	for i, m := range f.table {
		sequences[i] = f.publish(m.from, m.subject, m.body)
	}
	f.leafOf(sequences[len(sequences)-1])
	leaves := f.leaves()
	for i, m := range f.table {
		f.check(m, leaves[sequences[i]])
	}
	f.refusedByBroker()
	f.stillAccepts()
	f.counts(before.Accepted, before.Leaves)
	f.stop()
	f.counts(before.Accepted, before.Leaves)
}

// coversAllCodes holds the table to the rule set.
func (f *forge) coversAllCodes() {
	f.Helper()
	var ruleset struct{ Checks []string }
	f.must(json.Unmarshal(schemas.CurrentRuleset(), &ruleset))
	seen := map[string]bool{}
	for _, m := range f.table {
		seen[m.code] = true
	}
	for _, code := range ruleset.Checks {
		if !seen[code] {
			f.Errorf("no message is rejected as %s", code)
		}
		delete(seen, code)
	}
	delete(seen, "")
	if len(ruleset.Checks) != 16 || len(seen) > 0 {
		f.Errorf("the rule set has %d codes, and not %v", len(ruleset.Checks), slices.Collect(maps.Keys(seen)))
	}
}

// check compares a leaf with its row, and what the operator was told with the leaf.
func (f *forge) check(m message, leaf entry) {
	f.Helper()
	if leaf.Leaf == nil {
		f.Errorf("%s: it has no leaf", m.name)
		return
	}
	digest := events.DigestOf(m.body)
	if m.verdict != formats.Rejected {
		first, _, _ := bytes.Cut(m.body, []byte("\n"))
		digest = events.DigestOf(first)
	}
	if leaf.Verdict != m.verdict || leaf.Code != m.code || leaf.Digest != digest || leaf.Subject != m.subject {
		f.Errorf("%s: the leaf is %s: want %s %s on %q", m.name, leaf.Marshal(), m.verdict, m.code, m.subject)
	}
	if m.verdict != formats.Rejected {
		return
	}
	var told events.RejectedPlace
	f.until("word of the rejection of "+m.name, func() (ok bool) {
		told, ok = m.from.toldOf(leaf.index)
		return ok
	})
	if told.Body != digest || told.Code != m.code || told.Reason == "" {
		f.Errorf("%s: its operator was told %+v", m.name, told)
	}
}

// refusedByBroker sees that nobody gets as far as admission on another's subject.
func (f *forge) refusedByBroker() {
	f.Helper()
	for _, subject := range []string{
		"events.garuda-cloud.kul-dc-2.badge-1", "events.nimbus-my-2.lab-1.bastion-1", "events.nimbus-my.lab-1.bastion-1.more", "events.nimbus-my.lab-1", "registry.mcmc", "rejections.garuda-cloud",
		"receipts.garuda-cloud.get", "checkpoints", "ledger", "$JS.API.STREAM.PURGE.EVENTS", "$SYS.REQ.CLAIMS.UPDATE",
	} {
		f.must(f.nimbus.nc.Publish(subject, f.good()))
		f.must(f.nimbus.nc.FlushWithContext(f.ctx))
		select {
		case err := <-f.nimbus.denied:
			if !strings.Contains(strings.ToLower(err.Error()), "permissions violation") {
				f.Errorf("publish on %s: %v", subject, err)
			}
		case <-f.ctx.Done():
			f.Fatalf("the broker let %s through", subject)
		}
	}
}

func (f *forge) stillAccepts() {
	f.Helper()
	f.bastion = &chain{recorder: f.bastion.recorder, next: 5000}
	body := f.bastion.seal(f.world, 2, f.nimbus.signer).Marshal()
	m := message{"a good envelope after all that", f.nimbus, f.bastion.recorder.Subject(), body, formats.Accepted, ""}
	f.check(m, f.leafOf(f.publish(m.from, m.subject, m.body)))
}

// counts has everything audited, and compares with the table.
func (f *forge) counts(accepted, leaves uint64) {
	f.Helper()
	report := f.audit()
	accepted++ // the good one after
	var duplicates, rejected uint64
	codes := map[string]uint64{}
	for _, m := range f.table {
		switch m.verdict {
		case formats.Accepted:
			accepted++
		case formats.Duplicate:
			duplicates++
		case formats.Rejected:
			rejected++
			codes[m.code]++
		}
	}
	leaves += uint64(len(f.table)) + 1
	if report.Leaves != leaves || report.Accepted != accepted || report.Duplicates != duplicates || report.Rejected != rejected || !maps.Equal(report.Codes, codes) || report.Epochs != 1 {
		f.Errorf("the audit counts %+v: want %d leaves, %d accepted, %d duplicates, %d rejected: %v", report, leaves, accepted, duplicates, rejected, codes)
	}
}

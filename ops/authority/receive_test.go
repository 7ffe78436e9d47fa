package authority

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/client"
)

// FuzzParcel: what is read of a parcel, written again, is read as the same; and nothing in
// it is of another than the party that it names.
func FuzzParcel(f *testing.F) {
	const key = "ledger.example.my/test+1+x"
	signer, err := events.NewSigner(ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		f.Fatal(err)
	}
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/badges")
	if err != nil {
		f.Fatal(err)
	}
	event, err := events.NewEvent(recorder, events.TypeAccessPerformed, "e-1", time.Unix(0, 0), map[string]any{}, bytes.NewReader(make([]byte, 16)))
	if err != nil {
		f.Fatal(err)
	}
	line, err := event.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	envelope, err := events.Seal(&events.Manifest{Recorder: recorder, Incarnation: 1, First: 1}, [][]byte{line}, signer)
	if err != nil {
		f.Fatal(err)
	}
	write := func(head client.ParcelHead, lines ...client.Parcelled) []byte {
		var b bytes.Buffer
		out := json.NewEncoder(&b)
		if err := out.Encode(head); err != nil {
			f.Fatal(err)
		}
		for _, l := range lines {
			if err := out.Encode(l); err != nil {
				f.Fatal(err)
			}
		}
		return b.Bytes()
	}
	head := client.ParcelHead{Format: client.ParcelFormat, Key: key, Party: "nimbus-my", Seen: 7}
	good := client.Parcelled{Subject: recorder.Subject(), Body: envelope.Marshal()}
	f.Add(write(head))
	f.Add(write(head, good, good))
	f.Add(write(head, client.Parcelled{Subject: "events.cirrus-my.lab-1.badges", Body: good.Body}))
	f.Add(write(client.ParcelHead{Format: client.ParcelFormat, Key: key, Party: "cirrus-my"}, good))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var lines []client.Parcelled
		read, all, err := readParcel(bytes.NewReader(text), key, func(subject string, body []byte) error {
			lines = append(lines, client.Parcelled{Subject: subject, Body: bytes.Clone(body)})
			return nil
		})
		if err != nil {
			return
		}
		var b bytes.Buffer
		out := json.NewEncoder(&b)
		if err := out.Encode(read); err != nil {
			t.Fatal(err)
		}
		for i, l := range lines {
			if all[i].recorder.Owner != read.Party || l.Subject != all[i].recorder.Subject() {
				t.Fatalf("line %d is %s's, in a parcel of %s", i+2, all[i].recorder, read.Party)
			}
			if err := out.Encode(l); err != nil {
				t.Fatal(err)
			}
		}
		again, allAgain, err := readParcel(&b, key, nil)
		if err != nil || *again != *read || len(allAgain) != len(all) {
			t.Fatalf("read again: %+v, %d lines, %v: want %+v, %d lines", again, len(allAgain), err, read, len(all))
		}
	})
}

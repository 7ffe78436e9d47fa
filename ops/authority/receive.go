package authority

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/saksi-ledger/saksi/ledger/retry"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/tiles"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/broker"
)

// ParcelReceived is what came of a parcel.
type ParcelReceived struct {
	Party     string `json:"party"`
	Envelopes int    `json:"envelopes"`
	Accepted  int    `json:"accepted"`
	Rejected  int    `json:"rejected"`
}

// parcelled is an envelope of a parcel, when the ledger has been given it.
type parcelled struct {
	recorder           events.Recorder
	incarnation, first uint64
	manifest, body     events.Digest
}

// Receive brings an operator's parcel to the ledger, waits until each envelope in it has
// its leaf, and writes the reply. Admission judges them as if they had come over the
// network. A parcel is read to its end before anything of it is sent.
func (r *Registrar) Receive(ctx context.Context, parcel io.ReadSeeker, reply io.Writer) (*ParcelReceived, error) {
	fail := func(err error) (*ParcelReceived, error) { return nil, fmt.Errorf("receive a parcel: %w", err) }
	if err := r.runs("receive parcels"); err != nil {
		return nil, err
	}
	trust, err := r.home.Trust()
	if err != nil {
		return nil, err
	}
	head, sent, err := readParcel(parcel, trust.Ledgers[0].Key, nil)
	if err != nil {
		return fail(err)
	}
	if _, err := parcel.Seek(0, io.SeekStart); err != nil {
		return fail(err)
	}
	nc, err := nats.Connect(r.addresses.LocalNATS, append(broker.ConnectOptions(broker.RoleIntake, r.broker.CredsFile(broker.RoleIntake)), nats.NoReconnect())...)
	if err != nil {
		return fail(unreachable(fmt.Errorf("connect to the broker at %s: %w", r.addresses.LocalNATS, err)))
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return fail(err)
	}
	_, _, err = readParcel(parcel, trust.Ledgers[0].Key, func(subject string, body []byte) error {
		digest := events.DigestOf(body)
		_, err := js.Publish(ctx, subject, body, jetstream.WithMsgID(hex.EncodeToString(digest[:])))
		return err
	})
	if err != nil {
		return fail(err)
	}
	out := &ParcelReceived{Party: head.Party, Envelopes: len(sent)}
	places, err := r.places(ctx, sent)
	if err != nil {
		return fail(err)
	}
	if err := r.writeReply(ctx, head, sent, places, reply, out); err != nil {
		return fail(err)
	}
	return out, nil
}

// readParcel reads a parcel, strictly, and calls each, if it is not nil, with its envelopes.
func readParcel(r io.Reader, key string, each func(subject string, body []byte) error) (*client.ParcelHead, []parcelled, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), client.MaxParcelLine)
	head := &client.ParcelHead{}
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), head) != nil || head.Format != client.ParcelFormat {
		return nil, nil, errors.Join(lines.Err(), hinted{errors.New("it is no parcel"), "saksi outbox export FILE writes one"})
	}
	switch {
	case head.Key != key:
		return nil, nil, fmt.Errorf("it is for another ledger, whose key is %s", head.Key)
	case !events.ValidName(head.Party):
		return nil, nil, fmt.Errorf("it is of %.40q, which is no operator's name", head.Party)
	}
	var all []parcelled
	for n := 2; lines.Scan(); n++ {
		var line client.Parcelled
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", n, err)
		}
		envelope, err := events.ParseEnvelope(line.Body)
		if err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", n, err)
		}
		m := envelope.Manifest
		if m.Recorder.Owner != head.Party || line.Subject != m.Recorder.Subject() {
			return nil, nil, fmt.Errorf("line %d: an envelope of %s on %.80q, in a parcel of %s", n, m.Recorder, line.Subject, head.Party)
		}
		if each != nil {
			if err := each(line.Subject, line.Body); err != nil {
				return nil, nil, fmt.Errorf("line %d: %w", n, err)
			}
		}
		all = append(all, parcelled{m.Recorder, m.Incarnation, m.First, envelope.ManifestDigest(), events.DigestOf(line.Body)})
	}
	return head, all, lines.Err()
}

// place is where an envelope stands.
type place struct {
	leaf     uint64
	rejected bool
	reason   string
}

const placePoll = 50 * time.Millisecond

// places waits until the ledger has a leaf for each envelope.
func (r *Registrar) places(ctx context.Context, sent []parcelled) ([]place, error) {
	out := make([]place, len(sent))
	for i, s := range sent {
		for {
			at, found, err := r.place(ctx, s)
			if err != nil {
				return nil, err
			}
			if found {
				out[i] = at
				break
			}
			if retry.Sleep(ctx, placePoll) != nil {
				return nil, hinted{fmt.Errorf("%d of %d envelopes have no leaf yet: %w", len(sent)-i, len(sent), ctx.Err()), "receive the parcel again: nothing comes twice"}
			}
		}
	}
	return out, nil
}

func (r *Registrar) place(ctx context.Context, s parcelled) (place, bool, error) {
	where, err := writer.ReadWhere(ctx, r.home.LedgerDir(), s.recorder.Party(), events.GetRequest{
		V: 1, Recorder: s.recorder.String(), Incarnation: s.incarnation, From: s.first, Bodies: []events.Digest{s.body},
	})
	if err != nil {
		return place{}, false, err
	}
	for _, p := range where.Accepted {
		if p.First == s.first && p.Manifest == s.manifest {
			return place{leaf: p.Leaf}, true, nil
		}
	}
	for _, p := range where.Rejected {
		return place{leaf: p.Leaf, rejected: true, reason: p.Reason}, true, nil
	}
	return place{}, false, nil
}

// writeReply proves each place under one checkpoint that covers all of them.
func (r *Registrar) writeReply(ctx context.Context, head *client.ParcelHead, sent []parcelled, places []place, w io.Writer, out *ParcelReceived) error {
	d, err := openLedger(r.home)
	if err != nil {
		return err
	}
	defer d.Close()
	least := head.Seen
	for _, p := range places {
		least = max(least, p.leaf+1)
	}
	checkpoint, err := d.Wait(ctx, max(least, 1)-1)
	if err != nil {
		return fmt.Errorf("no checkpoint covers what was received yet: %w", err)
	}
	reply := client.ReplyHead{Format: client.ReplyFormat, Checkpoint: checkpoint.Note, Seen: head.Seen}
	if head.Seen > 0 && head.Seen < checkpoint.Size {
		hashes := tiles.New(d).Tree(ctx, checkpoint.Tree())
		if reply.Consistency, err = tlog.ProveTree(int64(checkpoint.Size), int64(head.Seen), hashes); err != nil {
			return err
		}
	}
	lines := json.NewEncoder(w)
	if err := lines.Encode(reply); err != nil {
		return err
	}
	for i, s := range sent {
		p := places[i]
		entries, err := d.Leaves(ctx, checkpoint, p.leaf)
		if err != nil {
			return err
		}
		proof, err := d.Prove(ctx, checkpoint, p.leaf)
		if err != nil {
			return err
		}
		receipt := &formats.Receipt{Index: p.leaf, Leaf: entries[0].Raw, Proof: proof, Checkpoint: checkpoint.Note}
		if err := lines.Encode(client.Replied{Manifest: s.manifest, Receipt: receipt.Marshal(), Reason: p.reason}); err != nil {
			return err
		}
		if p.rejected {
			out.Rejected++
		} else {
			out.Accepted++
		}
	}
	return nil
}

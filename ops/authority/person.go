package authority

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/saksi-ledger/saksi/ledger/retry"

	"filippo.io/age"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/disclosed"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/disclosures"

	"github.com/nats-io/nats.go"
)

// Person names a pseudonym of an operator.
type Person struct {
	Operator, Actor string
	Facilities      []string // empty: all
}

// Revealed is what an authority has read of a person.
type Revealed struct {
	Leaves []uint64        `json:"leaves"` // that say so
	Events []RevealedEvent `json:"events"`
}

// RevealedEvent is one event, and what its digests stand for.
type RevealedEvent struct {
	Ref      string           `json:"ref"`
	Recorder string           `json:"recorder"`
	ID       string           `json:"id"`
	Facts    []disclosed.Fact `json:"facts,omitempty"`
	// Problem is why there are no facts: nothing was disclosed, or what was is not what
	// the event holds the digests of.
	Problem string `json:"problem,omitempty"`
}

// maxRevealed is how many events one word of an authority can name.
const maxRevealed = 256

// touch is what of a row of touches is looked at.
type touch struct {
	Ref      string `json:"ref"`
	Recorder string `json:"recorder"`
	ID       string `json:"id"`
	Facility string `json:"facility"`
}

// Reveal reads what operators have disclosed of a person. First it puts on record that it
// does, and on what ground; then it opens what it is given, and holds each fact to the
// digests in the event.
func (r *Registrar) Reveal(ctx context.Context, who Person, ground, order string) (*Revealed, error) {
	fail := func(err error) (*Revealed, error) {
		return nil, fmt.Errorf("reveal %s of %s: %w", who.Actor, who.Operator, err)
	}
	identities, err := r.identities()
	if err != nil {
		return fail(err)
	}
	touches, err := rows[touch](ctx, r, "touches", url.Values{"operator": {who.Operator}, "actor.id": {who.Actor}})
	if err != nil {
		return fail(err)
	}
	touches = slices.DeleteFunc(touches, func(t touch) bool {
		return len(who.Facilities) > 0 && !slices.Contains(who.Facilities, t.Facility)
	})
	if len(touches) == 0 {
		return fail(errors.New("no event within the mandate names this pseudonym"))
	}
	out := &Revealed{}
	if out.Leaves, err = r.sayRevealed(ctx, who, touches, ground, order); err != nil {
		return fail(err)
	}
	messages, err := r.disclosures(ctx, who, out.Leaves)
	if err != nil {
		return fail(err)
	}
	byEvent := map[events.Digest][]*disclosed.Message{}
	for _, m := range messages {
		byEvent[m.Event] = append(byEvent[m.Event], m)
	}
	sent := map[uint64][]string{} // lines by leaf: many events share one
	for _, t := range touches {
		out.Events = append(out.Events, r.open(ctx, t, sent, byEvent, identities))
	}
	return out, ctx.Err()
}

// sayRevealed puts on record what is read, an event for each recorder and 256 events.
func (r *Registrar) sayRevealed(ctx context.Context, who Person, touches []touch, ground, order string) (leaves []uint64, _ error) {
	byRecorder := map[string][]events.RefFields{}
	var order2 []string
	for _, t := range touches {
		ref, err := parseRef(t.Ref)
		if err != nil {
			return nil, err
		}
		if byRecorder[t.Recorder] == nil {
			order2 = append(order2, t.Recorder)
		}
		byRecorder[t.Recorder] = append(byRecorder[t.Recorder], ref.Fields())
	}
	for _, recorder := range order2 {
		for refs := range slices.Chunk(byRecorder[recorder], maxRevealed) {
			leaf, err := r.say(ctx, vocabulary.DisclosureRevealed.Of(events.DisclosureRevealed{
				Recorder: recorder, Kind: events.RevealedDisclosure, Actor: who.Actor, Events: refs, Ground: ground, Order: order,
			}))
			if err != nil {
				return nil, err
			}
			leaves = append(leaves, leaf)
		}
	}
	return leaves, nil
}

// parseRef reads a reference that the node gave.
func parseRef(text string) (events.Ref, error) {
	ref, err := events.ParseRef(text)
	if err != nil {
		return ref, fmt.Errorf("answer of the node: %w", err)
	}
	return ref, nil
}

const revealPoll = 50 * time.Millisecond

// disclosures waits until the node has seen the leaves, and gets what it keeps.
func (r *Registrar) disclosures(ctx context.Context, who Person, leaves []uint64) ([]*disclosed.Message, error) {
	for {
		seen, err := rows[struct {
			Ref string `json:"ref"`
		}](ctx, r, "reveals", url.Values{"ref": {fmt.Sprintf("%d/0", leaves[len(leaves)-1])}})
		if err != nil {
			return nil, err
		}
		if len(seen) > 0 {
			break
		}
		if retry.Sleep(ctx, revealPoll) != nil {
			return nil, fmt.Errorf("it is on record, and the node's views have not seen it: %w", ctx.Err())
		}
	}
	var out []*disclosed.Message
	query := url.Values{"operator": {who.Operator}, "actor": {who.Actor}}
	for {
		var answer struct {
			Disclosures []struct {
				Recorder   string   `json:"recorder"`
				ID         string   `json:"id"`
				Event      string   `json:"event"`
				Recipients []string `json:"recipients"`
				Ciphertext []byte   `json:"ciphertext"`
			} `json:"disclosures"`
			Next uint64 `json:"next"`
		}
		if err := r.ask(ctx, "/v1/disclosures", query, &answer); err != nil {
			return nil, err
		}
		for _, d := range answer.Disclosures {
			digest, err := events.ParseDigest(d.Event)
			if err != nil {
				return nil, fmt.Errorf("the node's answer: %w", err)
			}
			out = append(out, &disclosed.Message{V: 1, Recorder: d.Recorder, ID: d.ID, Event: digest, Recipients: d.Recipients, Ciphertext: d.Ciphertext})
		}
		if answer.Next == 0 {
			return out, nil
		}
		query.Set("cursor", strconv.FormatUint(answer.Next, 10))
	}
}

// open opens what there is of one event, and holds it to the event's digests.
func (r *Registrar) open(ctx context.Context, t touch, sent map[uint64][]string, messages map[events.Digest][]*disclosed.Message, identities []age.Identity) RevealedEvent {
	out := RevealedEvent{Ref: t.Ref, Recorder: t.Recorder, ID: t.ID}
	line, err := r.lineOf(ctx, t.Ref, sent)
	if err != nil {
		out.Problem = err.Error()
		return out
	}
	digest := events.DigestOf(line)
	out.Problem = "nothing was disclosed of it, or it was erased"
	for _, m := range messages[digest] {
		list, err := m.Open(identities...)
		if err != nil {
			out.Problem = err.Error()
			continue
		}
		facts, err := disclosed.Check(line, list)
		if err != nil {
			out.Problem = fmt.Sprintf("what was disclosed is not what the event holds: %v", err)
			continue
		}
		out.Facts, out.Problem = append(out.Facts, facts...), ""
	}
	return out
}

// line returns an event's line.
func (r *Registrar) line(ctx context.Context, ref string) ([]byte, error) {
	return r.lineOf(ctx, ref, map[uint64][]string{})
}

// lineOf returns an event's line, from what was sent, by leaf, if that was asked for before.
func (r *Registrar) lineOf(ctx context.Context, ref string, sent map[uint64][]string) ([]byte, error) {
	at, err := parseRef(ref)
	if err != nil {
		return nil, err
	}
	lines, asked := sent[at.Leaf]
	if !asked {
		var entry struct {
			Sent struct {
				Lines []string `json:"lines"`
			} `json:"sent"`
		}
		if err := r.ask(ctx, fmt.Sprintf("/v1/entries/%d", at.Leaf), url.Values{"body": {"true"}}, &entry); err != nil {
			return nil, err
		}
		lines = entry.Sent.Lines
		sent[at.Leaf] = lines
	}
	if at.Event >= len(lines) || lines[at.Event] == "" {
		return nil, errors.New("the event is not there any more")
	}
	return []byte(lines[at.Event]), nil
}

// ErasePerson puts on record that nothing is to tell any more what a pseudonym stood for.
func (r *Registrar) ErasePerson(ctx context.Context, who Person, ground, order string) (uint64, error) {
	leaf, err := r.say(ctx, vocabulary.DisclosureErased.Of(events.DisclosureErased{
		Operator: who.Operator, Actor: who.Actor, Facilities: who.Facilities, Ground: ground, Order: order,
	}))
	if err != nil {
		return 0, fmt.Errorf("erase %s of %s: %w", who.Actor, who.Operator, err)
	}
	return leaf, nil
}

// custody opens what operators have disclosed, from the home of the authority that runs
// the ledger.
func (r *Registrar) custody(ctx context.Context) (*disclosures.Store, *nats.Conn, error) {
	if err := r.runs("look at what the node keeps"); err != nil {
		return nil, nil, err
	}
	registry, err := writer.ReadRegistry(r.home.LedgerDir())
	if err != nil {
		return nil, nil, err
	}
	nc, err := nats.Connect(r.addresses.LocalNATS, append(broker.ConnectOptions(broker.RoleDisclosures, r.broker.CredsFile(broker.RoleDisclosures)), nats.NoReconnect())...)
	if err != nil {
		return nil, nil, unreachable(fmt.Errorf("connect to the broker at %s: %w", r.addresses.LocalNATS, err))
	}
	c, err := disclosures.Open(ctx, nc, registry.Genesis.Retention, 0, 0)
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return c, nc, nil
}

// PersonTexts returns the bytes of all that is kept about a pseudonym, to be looked for
// when they should be gone.
func (r *Registrar) PersonTexts(ctx context.Context, who Person) ([][]byte, error) {
	c, nc, err := r.custody(ctx)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	var texts [][]byte
	for from, more := uint64(0), true; more; {
		page, next, err := c.Page(ctx, who.Operator, who.Actor, from)
		if err != nil {
			return nil, err
		}
		for _, m := range page {
			texts = append(texts, telling(m.Message))
		}
		from, more = next, next > 0
	}
	return texts, nil
}

// telling returns so much of a message that nothing else has it by chance, from the
// middle, where the ciphertext is: a search for it finds what was overwritten in part,
// and many of them fit into memory.
func telling(message []byte) []byte {
	const length = 96
	from := max(0, len(message)/2-length/2)
	return bytes.Clone(message[from:min(len(message), from+length)])
}

// AwaitPersonErased waits until the node has erased what it kept of a pseudonym, and
// searches all that is kept below the home for it. If a hold keeps some of it, it returns
// that, as authority and number.
func (r *Registrar) AwaitPersonErased(ctx context.Context, leaf uint64, texts [][]byte) (*Found, string, error) {
	c, nc, err := r.custody(ctx)
	if err != nil {
		return nil, "", err
	}
	defer nc.Close()
	for {
		registry, err := writer.ReadRegistry(r.home.LedgerDir())
		if err != nil {
			return nil, "", err
		}
		all, err := c.Erasures(ctx, registry)
		if err != nil {
			return nil, "", err
		}
		i := slices.IndexFunc(all, func(p disclosures.PersonErasure) bool { return p.Leaf == leaf })
		switch {
		case i >= 0 && all[i].Hold != "":
			return nil, all[i].Hold, nil
		case i >= 0 && all[i].Left == 0:
			found, err := search(r.home.Dir(), []Target{{texts: texts}})
			return found, "", err
		}
		if retry.Sleep(ctx, erasedPoll) != nil {
			return nil, "", hinted{fmt.Errorf("it is on record, and not yet erased: %w", ctx.Err()), "saksi doctor says what the node waits for"}
		}
	}
}

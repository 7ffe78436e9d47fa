package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// EventsOptions are the sizes of the stream EVENTS. A field that is zero is the
// default if the stream has to be made, and isn't compared if it exists.
type EventsOptions struct {
	// MaxAge after which a message is dropped, 30 days by default: well above the
	// longest time that a ledger may be down, because what it hasn't read by then
	// is lost to it until an outbox sends it again.
	MaxAge time.Duration
	// MaxBytes on disk; no limit by default. When it is reached, publishing is
	// refused and outboxes keep what they have; nothing stored is dropped for it.
	MaxBytes int64
	// NewBytes is MaxBytes if the stream has to be made; it is never compared.
	NewBytes int64
	// Duplicates is the window in which a Nats-Msg-Id is recognised, 10 s by
	// default. It costs about 170 bytes of memory for each message in it.
	Duplicates time.Duration
	// Replicas is 1 by default, 3 or 5 in a cluster.
	Replicas int
}

// EnsureEvents makes the stream EVENTS if it is missing. If it exists, it checks
// that it is what the ledger relies on, and returns an error that names each
// setting that isn't; it never changes a stream. js must be of [RoleLedger].
//
// Messages can't be purged, rolled up or given a time to live, and are deleted one by
// one, by [RoleEraser] alone. Direct
// reads are off: a follower may answer them from behind, and a ledger that reads
// its last message there would take the tail for lost.
func EnsureEvents(ctx context.Context, js jetstream.JetStream, o EventsOptions) (jetstream.Stream, error) {
	s, err := js.Stream(ctx, streamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = js.CreateStream(ctx, eventsConfig(o))
	}
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return nil, fmt.Errorf("broker: ensure stream %s: %w: the server must run with jetstream, and know the account LEDGER (push all accounts)", streamName, err)
	case err != nil:
		return nil, fmt.Errorf("broker: ensure stream %s: %w", streamName, err)
	}
	if diffs := eventsDiffer(s.CachedInfo().Config, o); len(diffs) > 0 {
		return nil, fmt.Errorf("broker: stream %s exists, but not as the ledger needs it: %s", streamName, strings.Join(diffs, "; "))
	}
	return s, nil
}

func eventsConfig(o EventsOptions) jetstream.StreamConfig {
	c := jetstream.StreamConfig{
		Name:              streamName,
		Description:       "Buffer in front of the ledger",
		Subjects:          []string{subjectEvents, subjectRegistry},
		Storage:           jetstream.FileStorage,
		Retention:         jetstream.LimitsPolicy,
		Discard:           jetstream.DiscardNew,
		MaxMsgs:           -1,
		MaxMsgsPerSubject: -1,
		MaxMsgSize:        -1,
		MaxBytes:          -1,
		MaxAge:            30 * 24 * time.Hour,
		Duplicates:        10 * time.Second,
		Replicas:          1,
		DenyPurge:         true,
	}
	if o.MaxAge != 0 {
		c.MaxAge = o.MaxAge
	}
	if most := cmp.Or(o.MaxBytes, o.NewBytes); most != 0 {
		c.MaxBytes = most
	}
	if o.Duplicates != 0 {
		c.Duplicates = o.Duplicates
	}
	if o.Replicas != 0 {
		c.Replicas = o.Replicas
	}
	return c
}

func eventsDiffer(have jetstream.StreamConfig, o EventsOptions) (diffs []string) {
	want := eventsConfig(o)
	diffs = streamDiffers(have, want)
	if have.DenyDelete {
		diffs = append(diffs, "deny delete is true, must be false: what is ordered erased has to go")
	}
	for _, d := range []struct {
		what       string
		asked      bool
		have, want any
	}{
		{"maximum age", o.MaxAge != 0, have.MaxAge, want.MaxAge},
		{"maximum bytes", o.MaxBytes != 0, have.MaxBytes, want.MaxBytes},
		{"duplicates window", o.Duplicates != 0, have.Duplicates, want.Duplicates},
		{"replicas", o.Replicas != 0, have.Replicas, want.Replicas},
	} {
		if d.asked && d.have != d.want {
			diffs = append(diffs, fmt.Sprintf("%s is %v, asked for is %v", d.what, d.have, d.want))
		}
	}
	return diffs
}

// streamDiffers compares what EVENTS and FEEDS are relied on for, whatever their
// sizes.
func streamDiffers(have, want jetstream.StreamConfig) (diffs []string) {
	slices.Sort(have.Subjects)
	slices.Sort(want.Subjects)
	for _, d := range []struct {
		what       string
		have, want any
	}{
		{"subjects", fmt.Sprint(have.Subjects), fmt.Sprint(want.Subjects)},
		{"storage", have.Storage, want.Storage},
		{"retention", have.Retention, want.Retention},
		{"discard", have.Discard, want.Discard},
		{"maximum of messages", max(have.MaxMsgs, 0), int64(0)},
		{"maximum of messages for a subject", max(have.MaxMsgsPerSubject, 0), int64(0)},
		{"maximum message size", max(have.MaxMsgSize, 0), int32(0)},
		{"deny purge", have.DenyPurge, true},
		{"roll-up", have.AllowRollup, false},
		{"message time to live", have.AllowMsgTTL, false},
		{"message schedules", have.AllowMsgSchedules, false},
		{"counters", have.AllowMsgCounter, false},
		{"direct reads", have.AllowDirect, false},
		{"no acknowledgement", have.NoAck, false},
		{"sealed", have.Sealed, false},
		{"asynchronous persistence", have.PersistMode, jetstream.DefaultPersistMode},
		{"mirror", have.Mirror != nil, false},
		{"sources", len(have.Sources), 0},
		{"subject transform", have.SubjectTransform != nil, false},
		{"republish", have.RePublish != nil, false},
	} {
		if d.have != d.want {
			diffs = append(diffs, fmt.Sprintf("%s is %v, must be %v", d.what, d.have, d.want))
		}
	}
	return diffs
}

package broker

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// DisclosuresOptions are the sizes of the stream DISCLOSURES. A field that is zero is
// the default if the stream has to be made, and isn't compared if it exists.
type DisclosuresOptions struct {
	// MaxAge after which a message is dropped: the genesis' retention of disclosures;
	// no limit if zero.
	MaxAge time.Duration
	// MaxBytes on disk, 16 GiB by default. When it is reached, disclosing is refused and
	// outboxes keep what they have: an operator can't drive out what others disclosed.
	MaxBytes int64
	// NewBytes is MaxBytes if the stream has to be made and that is zero.
	NewBytes int64
	// Replicas is 1 by default, 3 or 5 in a cluster.
	Replicas int
}

// maxDisclosure bounds a message with its headers, in bytes: one of an event's
// disclosures has 128 KiB at most.
const maxDisclosure = 192 << 10

// EnsureDisclosures makes the stream DISCLOSURES if it is missing. If it exists, it
// checks that it is what its disclosure store relies on, and returns an error that names each
// setting that isn't; it never changes a stream. js must be of [RoleDisclosures].
//
// Messages are deleted one by one, and overwritten when they are; they can't be purged
// or rolled up, and those who publish can't give them a time to live.
func EnsureDisclosures(ctx context.Context, js jetstream.JetStream, o DisclosuresOptions) (jetstream.Stream, error) {
	s, err := ensureStream(ctx, js, disclosuresConfig(o))
	if err != nil {
		return nil, fmt.Errorf("broker: ensure stream %s: %w", streamDisclosures, err)
	}
	if diffs := disclosuresDiffer(s.CachedInfo().Config, o); len(diffs) > 0 {
		return nil, fmt.Errorf("broker: stream %s exists, but not as its disclosure store needs it: %s", streamDisclosures, strings.Join(diffs, "; "))
	}
	return s, nil
}

func disclosuresDiffer(have jetstream.StreamConfig, o DisclosuresOptions) []string {
	want := disclosuresConfig(o)
	have.MaxMsgSize, want.MaxMsgSize = 0, 0
	diffs := streamDiffers(have, want)
	if have.DenyDelete {
		diffs = append(diffs, "deny delete is true, must be false")
	}
	if o.MaxAge != 0 && have.MaxAge != want.MaxAge {
		diffs = append(diffs, fmt.Sprintf("maximum age is %v, asked for is %v", have.MaxAge, want.MaxAge))
	}
	return diffs
}

func disclosuresConfig(o DisclosuresOptions) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              streamDisclosures,
		Description:       "What opens digests, encrypted to authorities; erasable",
		Subjects:          []string{subjectDisclosures, subjectReencrypted},
		Storage:           jetstream.FileStorage,
		Retention:         jetstream.LimitsPolicy,
		Discard:           jetstream.DiscardNew,
		MaxMsgs:           -1,
		MaxMsgsPerSubject: -1,
		MaxMsgSize:        maxDisclosure,
		MaxBytes:          cmp.Or(o.MaxBytes, o.NewBytes, 16<<30),
		MaxAge:            o.MaxAge,
		Duplicates:        durationWithin(2*time.Minute, o.MaxAge),
		Replicas:          orDefault(o.Replicas, 1),
		DenyPurge:         true,
	}
}

// durationWithin returns d, or most if that is shorter and there is one.
func durationWithin(d, most time.Duration) time.Duration {
	if most > 0 {
		return min(d, most)
	}
	return d
}

package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Reader is somebody who reads feeds, as its consumers need to know.
type Reader struct {
	Name string
	Mandate
	Suspended bool
}

const (
	// ackWait is after how long a message that was delivered and not acknowledged
	// is delivered again.
	ackWait = 30 * time.Second
	// maxAckPending bounds what is delivered and not acknowledged: a reader that
	// fetches much at a time has to acknowledge what it got.
	maxAckPending = 4096
	// maxWaiting bounds the pulls that wait at one consumer.
	maxWaiting = 32
)

// EnsureReader makes the durable consumers of one reader, one for each view that its
// mandate covers, filtered by it, or sets them right, and deletes those of other views. A new one begins with the oldest
// message that is left. js must be of [RoleProjections], and FEEDS exist.
func EnsureReader(ctx context.Context, js jetstream.JetStream, r Reader, views []string) error {
	for _, view := range views {
		if !r.covers(view) {
			if err := deleteConsumers(ctx, js, []string{ConsumerName(r.Name, view)}); err != nil {
				return err
			}
			continue
		}
		c := consumerConfig(r, view)
		if _, err := js.CreateOrUpdateConsumer(ctx, streamFeeds, c); err != nil {
			return fmt.Errorf("broker: make consumer %s on %s: %w", c.Durable, streamFeeds, err)
		}
	}
	return nil
}

func consumerConfig(r Reader, view string) jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		Durable:       ConsumerName(r.Name, view),
		DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       ackWait,
		MaxAckPending: maxAckPending,
		MaxWaiting:    maxWaiting,
	}
	if subjects := r.subjects(view); len(subjects) == 1 {
		c.FilterSubject = subjects[0]
	} else {
		c.FilterSubjects = subjects
	}
	return c
}

// readersConsumers are the consumers that readers should have, by name: one for each view
// that the mandate of a reader covers, and none for who is suspended.
func readersConsumers(readers []Reader, views []string) map[string]jetstream.ConsumerConfig {
	want := map[string]jetstream.ConsumerConfig{}
	for _, r := range readers {
		if r.Suspended {
			continue
		}
		for _, view := range views {
			if r.covers(view) {
				c := consumerConfig(r, view)
				want[c.Durable] = c
			}
		}
	}
	return want
}

// EnsureReaders brings the consumers on FEEDS into line with the readers: those
// that a reader should have are made or set right, all others are deleted, which
// includes those of readers who are suspended. It changes nothing that is right.
func EnsureReaders(ctx context.Context, js jetstream.JetStream, readers []Reader, views []string) error {
	want := readersConsumers(readers, views)
	stream, err := js.Stream(ctx, streamFeeds)
	if err != nil {
		return fmt.Errorf("broker: look for stream %s: %w", streamFeeds, err)
	}
	list := stream.ListConsumers(ctx)
	var surplus []string
	for info := range list.Info() {
		if c, ok := want[info.Name]; !ok {
			surplus = append(surplus, info.Name)
		} else if sameConsumer(info.Config, c) {
			delete(want, info.Name)
		}
	}
	if err := list.Err(); err != nil {
		return fmt.Errorf("broker: list consumers on %s: %w", streamFeeds, err)
	}
	if err := deleteConsumers(ctx, js, surplus); err != nil {
		return err
	}
	for name, c := range want {
		if _, err := js.CreateOrUpdateConsumer(ctx, streamFeeds, c); err != nil {
			return fmt.Errorf("broker: make consumer %s on %s: %w", name, streamFeeds, err)
		}
	}
	return nil
}

// RemoveReader deletes the consumers of one reader, of whatever view.
func RemoveReader(ctx context.Context, js jetstream.JetStream, reader string) error {
	stream, err := js.Stream(ctx, streamFeeds)
	if err != nil {
		return fmt.Errorf("broker: look for stream %s: %w", streamFeeds, err)
	}
	list := stream.ListConsumers(ctx)
	var names []string
	for info := range list.Info() {
		if strings.HasPrefix(info.Name, ConsumerName(reader, "")) {
			names = append(names, info.Name)
		}
	}
	if err := list.Err(); err != nil {
		return fmt.Errorf("broker: list consumers on %s: %w", streamFeeds, err)
	}
	return deleteConsumers(ctx, js, names)
}

func deleteConsumers(ctx context.Context, js jetstream.JetStream, names []string) error {
	for _, name := range names {
		if err := js.DeleteConsumer(ctx, streamFeeds, name); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return fmt.Errorf("broker: delete consumer %s on %s: %w", name, streamFeeds, err)
		}
	}
	return nil
}

func sameConsumer(have, want jetstream.ConsumerConfig) bool {
	return have.AckWait == want.AckWait && have.MaxAckPending == want.MaxAckPending &&
		have.FilterSubject == want.FilterSubject && slices.Equal(have.FilterSubjects, want.FilterSubjects)
}

// KeepReaders runs [EnsureReaders] at once, when what readers returns has
// changed, for which it asks every second, and once a minute in any case, until
// ctx ends. What goes wrong is logged and tried again.
func KeepReaders(ctx context.Context, js jetstream.JetStream, views []string, readers func() ([]Reader, error), log *slog.Logger) error {
	const every, anyway = time.Second, time.Minute
	tick := time.NewTicker(every)
	defer tick.Stop()
	var (
		kept   []Reader
		at     time.Time
		failed string
	)
	for {
		now, err := readers()
		if err == nil && (at.IsZero() || time.Since(at) > anyway || !reflect.DeepEqual(now, kept)) {
			try, cancel := context.WithTimeout(ctx, 10*time.Second)
			if err = EnsureReaders(try, js, now, views); err == nil {
				kept, at = now, time.Now()
			}
			cancel()
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			failed = ""
		case err.Error() != failed:
			failed = err.Error()
			log.Warn("readers' consumers are not in line with who may read", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

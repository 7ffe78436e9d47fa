package node

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/limiter"
	"github.com/saksi-ledger/saksi/projections/api"
)

// intake takes envelopes over HTTP into the stream, where they are like any other.
type intake struct {
	js      jetstream.JetStream
	ledger  *writer.Ledger
	limiter *limiter.Limiter
}

// openIntake connects as the user who may publish for any recorder, and nothing else.
func (n *running) openIntake() (*nats.Conn, *intake, error) {
	nc, err := nats.Connect(n.addresses.LocalNATS, connectOptions(n.authority, broker.RoleIntake, n.connect)...)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the broker at %s: %w", n.addresses.LocalNATS, err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return nc, &intake{js: js, ledger: n.ledger, limiter: n.throttle.limiter}, nil
}

// intakeTime bounds how long the broker may take to acknowledge.
const intakeTime = 10 * time.Second

// Take implements [api.Intake].
func (i *intake) Take(ctx context.Context, recorder events.Recorder, body []byte) error {
	if hold, held := i.limiter.Held(recorder.Owner); held {
		return &api.BusyError{Reason: "this operator is held for what it has sent: " + string(hold.Reason), After: time.Until(hold.Until)}
	}
	digest := events.DigestOf(body)
	ctx, cancel := context.WithTimeout(ctx, intakeTime)
	defer cancel()
	_, err := i.js.Publish(ctx, recorder.Subject(), body, jetstream.WithMsgID(hex.EncodeToString(digest[:])))
	var refused *jetstream.APIError
	switch {
	case errors.As(err, &refused) && refused.Code >= 400 && refused.Code < 500:
		return fmt.Errorf("the broker refuses it: %w", err)
	case err != nil:
		return &api.BusyError{Reason: "the broker doesn't take messages now", After: 5 * time.Second, Err: err}
	}
	return nil
}

// Where implements [api.Intake].
func (i *intake) Where(ctx context.Context, recorder events.Recorder, q events.GetRequest) (*events.GetResponse, error) {
	return i.ledger.Where(ctx, recorder.Party(), q)
}

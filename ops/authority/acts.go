package authority

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/events/zone"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/home"
)

// AddOperator admits an operator by its request: first in the registry, then at
// the broker, on the running node. It returns the grant for the operator and the
// leaf. It may be repeated, for a lost grant.
func (r *Registrar) AddOperator(ctx context.Context, request *home.Request, country string) (*home.Grant, uint64, error) {
	if err := r.runs("let operators connect"); err != nil {
		return nil, 0, err
	}
	if request.Role != home.RoleOperator {
		return nil, 0, hinted{fmt.Errorf("the request of %s is for the role %s, not of an operator", request.Name, request.Role), "saksi reader add takes those of readers"}
	}
	leaf, err := r.say(ctx, vocabulary.OperatorAdmitted.Of(events.OperatorAdmitted{
		Operator: request.Name, Country: country, Keys: []string{request.Key}, Connection: request.Connection,
	}))
	if err != nil {
		return nil, 0, fmt.Errorf("admit operator %s: %w", request.Name, err)
	}
	admission, err := r.broker.Admit(request.Name, request.Connection, broker.Limits{})
	if err != nil {
		return nil, 0, err
	}
	if err := r.broker.Push(ctx, r.addresses.LocalNATS, request.Name); err != nil {
		return nil, 0, err
	}
	grant, err := grantTo(r.home, r.addresses, request, admission.UserJWT)
	if err != nil {
		return nil, 0, err
	}
	return grant, leaf, nil
}

// SuspendOperator suspends an operator: first in the registry, then at the broker,
// which cuts its connections.
func (r *Registrar) SuspendOperator(ctx context.Context, operator, reason string) (uint64, error) {
	leaf, err := r.say(ctx, vocabulary.OperatorSuspended.Of(events.OperatorSuspended{Operator: operator, Reason: reason}))
	if err != nil {
		return 0, fmt.Errorf("suspend operator %s: %w", operator, err)
	}
	if r.home == nil {
		return leaf, nil // the node cuts the connections
	}
	return leaf, ignoreUnknown(r.broker.Suspend(ctx, r.addresses.LocalNATS, operator))
}

// ReadmitOperator ends a suspension.
func (r *Registrar) ReadmitOperator(ctx context.Context, operator, reason string) (uint64, error) {
	leaf, err := r.say(ctx, vocabulary.OperatorReadmitted.Of(events.OperatorReadmitted{Operator: operator, Reason: reason}))
	if err != nil {
		return 0, fmt.Errorf("readmit operator %s: %w", operator, err)
	}
	if r.home == nil {
		return leaf, nil
	}
	return leaf, ignoreUnknown(r.broker.Readmit(ctx, r.addresses.LocalNATS, operator))
}

// ignoreUnknown lets pass that an operator has no account: a ledger knows
// operators that never connected here.
func ignoreUnknown(err error) error {
	if errors.Is(err, broker.ErrUnknownOperator) {
		return nil
	}
	return err
}

// AddKey lets an operator sign with one more key.
func (r *Registrar) AddKey(ctx context.Context, operator string, key events.PublicKey) (uint64, error) {
	leaf, err := r.say(ctx, vocabulary.KeyAdded.Of(events.KeyAdded{Operator: operator, Key: key.String()}))
	if err != nil {
		return 0, fmt.Errorf("add key %.12s of %s: %w", key.ID(), operator, err)
	}
	return leaf, nil
}

// RevokeKey ends a key's validity from this leaf on. from, if not zero, is the
// time from which what it signed is in doubt.
func (r *Registrar) RevokeKey(ctx context.Context, operator string, id events.KeyID, from time.Time, reason string) (uint64, error) {
	leaf, err := r.say(ctx, vocabulary.KeyRevoked.Of(events.KeyRevoked{Operator: operator, KeyID: string(id), From: events.At(from), Reason: reason}))
	if err != nil {
		return 0, fmt.Errorf("revoke key %.12s of %s: %w", id, operator, err)
	}
	return leaf, nil
}

// AddFacility declares a facility. Without a time zone it gets that of its country, if the country has one; a country
// with more is an error, and so is a name that is none of the IANA time zone database.
func (r *Registrar) AddFacility(ctx context.Context, facility events.FacilityDeclared) (uint64, error) {
	var err error
	if facility.TimeZone, err = zone.For(facility.Country, facility.TimeZone); err != nil {
		return 0, hinted{fmt.Errorf("declare facility %s: %w", facility.Facility, err), "name its time zone, such as Asia/Kuala_Lumpur: local days are days of that zone"}
	}
	leaf, err := r.say(ctx, vocabulary.FacilityDeclared.Of(facility))
	if err != nil {
		return 0, fmt.Errorf("declare facility %s: %w", facility.Facility, err)
	}
	return leaf, nil
}

// AddRecorder declares a recorder.
func (r *Registrar) AddRecorder(ctx context.Context, recorder events.RecorderDeclared) (uint64, error) {
	leaf, err := r.say(ctx, vocabulary.RecorderDeclared.Of(recorder))
	if err != nil {
		return 0, fmt.Errorf("declare recorder %s: %w", recorder.Recorder, err)
	}
	return leaf, nil
}

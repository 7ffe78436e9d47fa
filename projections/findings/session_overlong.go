package findings

import (
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
)

const (
	// OverlongAfter is how long a session may be open.
	OverlongAfter = 12 * time.Hour
	// overlongGrace is how long after its opening was received the closing may take
	// to arrive, however long ago both were: logs that are imported late are full of
	// sessions that ended.
	overlongGrace = time.Hour
)

// OverlongDue is when a session that opened at opened, as its recorder says, and was
// heard of at heard has been open for too long. Where the recorder's clock is ahead,
// heard counts.
func OverlongDue(opened, heard time.Time) time.Time {
	opened = earlier(opened, heard)
	due := opened.Add(OverlongAfter)
	if earliest := heard.Add(overlongGrace); due.Before(earliest) {
		due = earliest
	}
	return due
}

// SessionKey names a session: recorders name theirs as they like.
func SessionKey(recorder events.Recorder, session string) string {
	return recorder.String() + "/" + session
}

// sessionOverlong: a session was opened, and 12 hours later not closed. It is
// resolved when it is.
type sessionOverlong struct {
	open *projections.State[openSession]
}

type openSession struct {
	Ref      events.Ref
	Recorder string
	Session  string
	Opened   time.Time
	Actor    string // a pseudonym
	Party    string
	Country  string // where the actor was then
	Finding  string `json:",omitempty"` // its ID, once raised
}

func newSessionOverlong() sessionOverlong {
	return sessionOverlong{projections.NewState[openSession]("findings-sessions")}
}

func (sessionOverlong) name() string                   { return "session-overlong" }
func (r sessionOverlong) states() []projections.Schema { return []projections.Schema{r.open} }

func (r sessionOverlong) leaf(b *findingsWriter, f *projections.Fact, _ *sequence.Step) error {
	for i := range f.Events {
		e := &f.Events[i]
		var err error
		switch data := e.Data.(type) {
		case *events.SessionOpened:
			err = r.opened(b, f, e, data)
		case *events.SessionClosed:
			err = r.closed(b, f, e, data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// opened starts the clock. A session that is opened again while it is open goes on.
func (r sessionOverlong) opened(b *findingsWriter, f *projections.Fact, e *projections.Event, data *events.SessionOpened) error {
	key := SessionKey(e.Recorder, data.Session)
	if _, found, err := r.open.Get(b.tx, key); err != nil || found {
		return err
	}
	opened := earlier(TimeOf(e, f), f.Now)
	err := r.open.Put(b.tx, key, &openSession{
		Ref: e.Ref, Recorder: e.Recorder.String(), Session: data.Session, Opened: opened,
		Actor: data.Actor.ID, Party: string(data.Actor.Party), Country: data.Actor.PhysicalCountry,
	})
	if err != nil {
		return err
	}
	return b.tx.At(OverlongDue(opened, f.Now), r.name()+"/"+key)
}

func (r sessionOverlong) closed(b *findingsWriter, f *projections.Fact, e *projections.Event, data *events.SessionClosed) error {
	key := SessionKey(e.Recorder, data.Session)
	session, found, err := r.open.Get(b.tx, key)
	if err != nil || !found {
		return err
	}
	if err := b.tx.Cancel(r.name() + "/" + key); err != nil {
		return err
	}
	if err := r.open.Delete(b.tx, key); err != nil || session.Finding == "" {
		return err
	}
	return b.resolve(session.Finding, fmt.Sprintf("Session %s on %s was open for %s, and was closed at %s.",
		session.Session, session.Recorder, span(TimeOf(e, f).Sub(session.Opened)), moment(TimeOf(e, f))), e.Ref)
}

func (r sessionOverlong) due(b *findingsWriter, key string) error {
	session, found, err := r.open.Get(b.tx, key)
	if err != nil || !found {
		return err
	}
	recorder, err := events.ParseRecorder(session.Recorder)
	if err != nil {
		return err
	}
	finding := about(r.name(), Medium, recorder, session.Ref.String())
	finding.Subject = session.Session
	finding.Summary = fmt.Sprintf("Session %s of %s (%s, in %s) on %s was opened at %s and has not been closed in %s.",
		session.Session, session.Actor, session.Party, session.Country, recorder, moment(session.Opened), span(b.tx.Now().Sub(session.Opened)))
	finding.Since = session.Opened.Add(OverlongAfter)
	finding.Evidence = events.Refs{session.Ref}
	session.Finding = finding.ID
	if err := r.open.Put(b.tx, key, session); err != nil {
		return err
	}
	return b.raise(finding)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// TimeOf returns when an event happened, as its recorder says; when it was received if
// that can't be read.
func TimeOf(e *projections.Event, f *projections.Fact) time.Time {
	at, err := time.Parse(time.RFC3339, e.Time)
	if err != nil {
		return f.Leaf.Received
	}
	return at.UTC()
}

package sim

import (
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
)

// Planted is something that was done wrong on purpose.
type Planted struct {
	Kind     string    `json:"kind"`
	Recorder string    `json:"recorder"`
	At       time.Time `json:"at"`
	Story    string    `json:"story"` // one sentence
	Events   []string  `json:"events,omitempty"`
	// Findings are the rules that must find it; none if no rule does yet.
	Findings []string `json:"findings"`
}

// Mischief is what whoever seals a step does wrong.
type Mischief int

// The kinds of mischief. Nothing is wrong with a step of None.
const (
	None Mischief = iota
	// Withhold takes the step's numbers and never sends it.
	Withhold
	// BreakChain names another manifest than the last one as the one before.
	BreakChain
	// Contradict sends the step, and then another under the same numbers.
	Contradict
	// Misattest swears that there was nothing.
	Misattest
)

type mischief struct {
	kind    Mischief
	instead []events.Draft
}

// Planted lists what is wrong on purpose, and which findings must tell of it.
func (c *Country) Planted() []Planted { return c.planted }

// silentAfter is how long into the day the silent recorder speaks.
const silentAfter = 9 * time.Hour

func silentRecorder() events.Recorder   { return recorder("tanahdata", "jhb-1", "badges") }
func misattestedBy() events.Recorder    { return recorder("stratus-my", "kul-1", "bastion") }
func (c *Country) hour(h int) time.Time { return c.config.Start.Add(time.Duration(h) * time.Hour) }
func (c *Country) planting() bool       { return !c.config.Honest && c.config.Hours >= 24 }
func (c *Country) list(p Planted)       { c.planted = append(c.planted, p) }
func eventIDs(records ...*record) (ids []string) {
	for _, r := range records {
		if r != nil {
			ids = append(ids, r.draft.Event.ID)
		}
	}
	return ids
}

// silent tells since when a recorder says nothing any more, if it does.
func (c *Country) silent(r events.Recorder) (time.Time, bool) {
	return c.config.Start.Add(silentAfter), c.planting() && r == silentRecorder()
}

// misattests tells whether a recorder's attestation at a time is false.
func (c *Country) misattests(r events.Recorder, at time.Time) bool {
	return c.planting() && r == misattestedBy() && at.Equal(c.hour(16))
}

// plant does what is wrong on purpose; what a finding must tell of, each on a
// recorder of its own. A country whose day is shorter than 24 hours has nothing planted.
func (c *Country) plant() {
	if !c.planting() {
		return
	}
	c.withhold()
	c.breakChain()
	c.contradict()
	c.leaveOpen()
	c.tellLate()
	c.swearFalsely()
	c.unapproved()
	c.unbadged()
	c.inTwoCities()
	c.list(Planted{
		Kind: "silence", Recorder: silentRecorder().String(), At: c.config.Start.Add(silentAfter),
		Story:    "The landlord's badge system in Johor stops speaking, and nobody attests for it.",
		Findings: []string{"attestation-overdue"},
	})
}

// abroad returns a parent's engineer of an operator, busy or not.
func (c *Country) abroad(operator string, at time.Time) *person {
	return c.onDuty(operatorClient{operator, "", support}, at)
}

// alone has a record delivered by itself, with a mischief.
func (r *record) alone(at time.Time, m *mischief) { r.delivered, r.mischief = at, m }

func (c *Country) withhold() {
	at := c.hour(14).Add(7 * time.Minute)
	a := c.access("nimbus-my", "jhb-1", c.abroad("nimbus-my", at), events.ModeRemote, at, 50*time.Minute)
	opened := c.open(a)
	opened.alone(at, &mischief{kind: Withhold})
	c.list(Planted{
		Kind: "withheld", Recorder: opened.recorder.String(), At: at, Events: eventIDs(opened),
		Story:    "A session of the parent's engineer is recorded and numbered, and never sent; the attestation covers it up.",
		Findings: []string{"sequence-gap", "attestation-contradicted"},
	})
}

func (c *Country) breakChain() {
	at := c.hour(11).Add(22 * time.Minute)
	r := recorder("stratus-my", "kul-2", "control-plane")
	done := c.say(r, at, vocabulary.AccessPerformed.Of(events.AccessPerformed{
		Actor: c.service("stratus-my", "kul-2"), Operation: "kms:RotateKey", Resource: &events.Resource{Kind: "key"}, Access: events.AccessAdmin,
		Outcome: events.OutcomeSuccess, Reason: events.Reason{Code: events.ReasonAutomatedOperation}, Mode: events.ModeAPI,
		From: events.From{Country: "MY", Network: "internal"}, DataClasses: []string{"identity"}, Region: region("stratus-my"),
	}))
	done.alone(at, &mischief{kind: BreakChain})
	c.list(Planted{
		Kind: "broken chain", Recorder: r.String(), At: at, Events: eventIDs(done),
		Story:    "A control plane goes on from a manifest that it never sent: somebody has another copy of its record.",
		Findings: []string{"broken-chain"},
	})
}

func (c *Country) contradict() {
	at := c.hour(16).Add(3 * time.Minute)
	a := c.access("nimbus-my", "kul-1", c.abroad("nimbus-my", at), events.ModeRemote, at.Add(20*time.Minute), 30*time.Minute)
	_, decision := c.ask(a)
	said := c.say(a.recorder("approvals"), at, vocabulary.AccessDenied.Of(decision))
	again := c.record(a.recorder("approvals"), at, vocabulary.AccessApproved.Of(decision))
	said.alone(at, &mischief{kind: Contradict, instead: []events.Draft{again.draft}})
	c.work(a, 5, true)
	c.list(Planted{
		Kind: "contradiction", Recorder: said.recorder.String(), At: at, Events: eventIDs(said, again),
		Story:    "A refusal becomes an approval under the same number, and the parent's engineer goes in.",
		Findings: []string{"contradiction"},
	})
}

func (c *Country) leaveOpen() {
	at := c.hour(6).Add(41 * time.Minute)
	a := c.access("nimbus-my", "pen-1", c.abroad("nimbus-my", at), events.ModeRemote, at, 2*time.Hour)
	c.grant(a)
	opened := c.work(a, 6, false)
	c.list(Planted{
		Kind: "session left open", Recorder: a.recorder("bastion").String(), At: at, Events: eventIDs(opened),
		Story:    "A remote session from abroad is opened and never closed.",
		Findings: []string{"session-overlong"},
	})
}

func (c *Country) tellLate() {
	happened, at := c.config.Start.Add(-4*24*time.Hour), c.hour(9).Add(5*time.Minute)
	r := recorder("stratus-my", "kul-2", "badges")
	guest := c.abroad("stratus-my", happened).actor
	guest.PhysicalCountry = "MY"
	entered := c.say(r, happened, vocabulary.ZoneEntered.Of(events.ZonePassed{
		Zone: "hall-2", Door: "hall-2-1", Actor: guest, Outcome: events.OutcomeSuccess,
	}))
	entered.delivered = c.delivery(r, at)
	c.list(Planted{
		Kind: "late record", Recorder: r.String(), At: at, Events: eventIDs(entered),
		Story:    "That somebody from the parent entered a hall is told four days later.",
		Findings: []string{"late-record"},
	})
}

// swearFalsely has a session before an attestation that swears to none. It is of the
// period sworn to, and the attestation before, which comes at 12, can't have named it.
func (c *Country) swearFalsely() {
	at := c.hour(12).Add(9 * time.Minute)
	a := c.access("stratus-my", "kul-1", c.abroad("stratus-my", at), events.ModeRemote, at, 35*time.Minute)
	c.grant(a)
	opened := c.work(a, 4, true)
	c.list(Planted{
		Kind: "false attestation", Recorder: misattestedBy().String(), At: c.hour(16), Events: eventIDs(opened),
		Story:    "A bastion attests that nobody touched anything for four hours in which it had told of a session.",
		Findings: []string{"attestation-contradicted"},
	})
}

// What follows is for rules that are not there yet.

func (c *Country) unapproved() {
	at := c.hour(13).Add(30 * time.Minute)
	a := c.access("nimbus-my", "kul-1", c.abroad("nimbus-my", at), events.ModeRemote, at, 45*time.Minute)
	opened := c.work(a, 5, true)
	c.list(Planted{
		Kind: "no approval", Recorder: a.recorder("bastion").String(), At: at, Events: eventIDs(opened),
		Story:    "A remote session that nobody had asked for or approved.",
		Findings: []string{},
	})
}

func (c *Country) unbadged() {
	at := c.hour(10).Add(12 * time.Minute)
	a := c.access("stratus-my", "kul-2", c.onDuty(operatorClient{"stratus-my", "kul-2", engineer}, at), events.ModeConsole, at, 40*time.Minute)
	c.grant(a)
	opened := c.work(a, 4, true)
	c.list(Planted{
		Kind: "nobody at the door", Recorder: a.recorder("bastion").String(), At: at, Events: eventIDs(opened),
		Story:    "Somebody works at a console in a hall that nobody has entered.",
		Findings: []string{},
	})
}

func (c *Country) inTwoCities() {
	at := c.hour(4).Add(50 * time.Minute)
	who := c.onDuty(operatorClient{"nimbus-my", "kul-1", engineer}, at).actor
	enter := func(landlord, facility string, at time.Time) *record {
		return c.say(recorder(landlord, facility, "badges"), at, vocabulary.ZoneEntered.Of(events.ZonePassed{
			Zone: "lobby", Door: "lobby-1", Actor: who, Outcome: events.OutcomeSuccess,
		}))
	}
	here, there := enter("tanahdata", "kul-1", at), enter("nimbus-my", "pen-1", at.Add(40*time.Minute))
	c.list(Planted{
		Kind: "two cities", Recorder: there.recorder.String(), At: there.at, Events: eventIDs(here, there),
		Story:    "One badge enters a facility in Kuala Lumpur, and forty minutes later one in Penang.",
		Findings: []string{},
	})
}

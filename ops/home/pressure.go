package home

import "time"

// Pressure is how close a node is to its bounds, and who brings it there: what the
// node writes down while it runs, for those who look at it from outside.
type Pressure struct {
	V  int       `json:"v"`
	At time.Time `json:"at"`
	// Backlog is how many messages in the stream have no leaf yet.
	Backlog int64 `json:"backlog"`
	// StreamBytes and StreamMost are what the stream EVENTS holds, and may hold; -1
	// where nothing bounds it.
	StreamBytes int64 `json:"streamBytes"`
	StreamMost  int64 `json:"streamMost"`
	// Free is what is left on the disk, and Reserve with how little the node takes
	// no more.
	Free    int64 `json:"free"`
	Reserve int64 `json:"reserve"`
	// Takes says that the node takes messages.
	Takes bool `json:"takes"`
	// Away is since when the broker has not answered; zero while it does.
	Away time.Time `json:"away,omitzero"`
	// Holds are those in force, and Alarms the last there were, newest first, holds
	// among them.
	Holds  []Alarm `json:"holds"`
	Alarms []Alarm `json:"alarms"`
}

// Alarm says who did what.
type Alarm struct {
	At     time.Time `json:"at"`
	Party  string    `json:"party"` // an operator's name, or registry.<authority>
	Reason string    `json:"reason"`
	What   string    `json:"what"`
	// Until is the end of a hold; zero if the party isn't held for it.
	Until   time.Time `json:"until,omitzero"`
	Strikes int       `json:"strikes,omitempty"`
}

// MisfiledFile is where the node writes down what it found wrong with where operators
// filed what they disclosed.
func (a *Authority) MisfiledFile() string { return a.path("misfiled.json") }

const pressureFile = "pressure.json"

// SetPressure keeps how the node is.
func (a *Authority) SetPressure(p Pressure) error {
	return WriteJSON(a.path(pressureFile), p, 0o600)
}

// Pressure returns how the node was when it last looked. The error is
// [os.ErrNotExist] if it never ran.
func (a *Authority) Pressure() (Pressure, error) {
	var p Pressure
	err := readJSON(a.path(pressureFile), &p)
	return p, err
}

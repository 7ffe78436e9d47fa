// Package zone knows time zones by their names in the IANA time zone database, which the program carries along. It
// says which zone a facility is in, so that a local day can be told from a day in UTC.
//
// Not here: anything that admission depends on. The database changes, and a verdict must not.
package zone

import (
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // for machines without a database

	"github.com/saksi-ledger/saksi/events/safetext"
)

// ErrUnknown is wrapped where a name is none of the database, or where a country has more than one zone.
var ErrUnknown = errors.New("the time zone is not known")

// Load returns the zone with this name, such as Asia/Kuala_Lumpur or UTC. It does not take Local or an empty name,
// which mean something else on each machine.
func Load(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("time zone %s: %w: want a name of the IANA database, such as Asia/Kuala_Lumpur", safetext.Quote(name), ErrUnknown)
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("time zone %s: %w: want a name of the IANA database, such as Asia/Kuala_Lumpur", safetext.Quote(name), ErrUnknown)
	}
	return l, nil
}

// For returns name if it is the name of a zone. For an empty name it returns the zone of a country (ISO 3166-1
// alpha-2) whose clocks all show the same time.
func For(country, name string) (string, error) {
	if name == "" {
		if name = ofCountry[country]; name == "" {
			return "", fmt.Errorf("the country %s has more than one, or none: %w", safetext.Word(country), ErrUnknown)
		}
	}
	if _, err := Load(name); err != nil {
		return "", err
	}
	return name, nil
}

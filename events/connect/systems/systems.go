// Package systems lists the native logs that can be imported.
//
// Not here: mappings and reading. To add a system, write its package below
// events/connect, and add one line here.
package systems

import (
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/connect/badge"
	"github.com/saksi-ledger/saksi/events/connect/cloudtrail"
)

// All returns all systems, in the order in which they are listed to people.
func All() []connect.System {
	return []connect.System{
		{Name: "cloudtrail", Title: "AWS CloudTrail", New: cloudtrail.New},
		{Name: "badge", Title: "Badge readers and doors, CSV or JSON", Mapped: true, New: badge.New},
	}
}

// Names returns the names of all systems.
func Names() []string {
	var names []string
	for _, s := range All() {
		names = append(names, s.Name)
	}
	return names
}

// Find returns the system of a name, and false if there is none.
func Find(name string) (connect.System, bool) {
	for _, s := range All() {
		if s.Name == name {
			return s, true
		}
	}
	return connect.System{}, false
}

// Package sim simulates a small country: operators, facilities, people, and what their
// recorders publish in a day.
//
// It drives the demo, tests and load.
//
// A country follows from its seed: the same seed says the same, to the byte, but
// for signatures' keys. It knows no clock; times count from the start that it is
// given. What it does wrong on purpose it lists, see [Country.Planted].
//
// Not here: clocks and network. The same seed gives the same events.
package sim

import (
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/events"
)

// Config says what country to make. The zero value but for Start is good.
type Config struct {
	Seed uint64
	// Start is the beginning of the day, UTC.
	Start time.Time
	// Hours is how long the day is; 24 if zero.
	Hours int
	// Scale multiplies how much is going on; 1 if zero.
	Scale float64
	// Honest leaves out what is wrong on purpose.
	Honest bool
}

// Operator is a party with recorders: a hyperscaler's local company, or a landlord.
type Operator struct {
	Name    string
	Country string // where it is established
	Legal   string // as registered there
	Parent  string // that controls it in the end; empty if nobody does
	Abroad  string // the parent's country
}

// Country is what there is, and what was said of the day.
type Country struct {
	Operators  []Operator
	Facilities []events.FacilityDeclared
	Recorders  []events.RecorderDeclared

	config     Config
	random     *rand.Rand
	bytes      *rand.ChaCha8
	end        time.Time
	habits     map[events.Recorder]habit
	cut        cut
	staff      map[operatorClient][]*person
	operations []operation
	records    []*record
	planted    []Planted
	numbers    int // of tickets and requests
}

// New makes a country and lets it live through its day.
func New(config Config) *Country {
	if config.Hours == 0 {
		config.Hours = 24
	}
	if config.Scale == 0 {
		config.Scale = 1
	}
	config.Start = config.Start.UTC()
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], config.Seed)
	c := &Country{
		config: config, random: rand.New(rand.NewPCG(config.Seed, 0x5a6b51)), bytes: rand.NewChaCha8(seed),
		end:    config.Start.Add(time.Duration(config.Hours) * time.Hour),
		habits: map[events.Recorder]habit{}, staff: map[operatorClient][]*person{}, operations: operations(),
	}
	c.found()
	c.hire()
	c.live()
	if !config.Honest {
		c.plant()
	}
	slices.SortStableFunc(c.records, func(a, b *record) int { return cmp.Or(a.delivered.Compare(b.delivered), a.at.Compare(b.at)) })
	return c
}

// found declares who and what there is.
func (c *Country) found() {
	c.Operators = []Operator{
		{Name: "nimbus-my", Country: "MY", Legal: "Nimbus Cloud Malaysia Sdn Bhd", Parent: "Nimbus Global Inc", Abroad: "US"},
		{Name: "stratus-my", Country: "MY", Legal: "Stratus Regions (M) Sdn Bhd", Parent: "Stratus Group plc", Abroad: "IE"},
		{Name: "tanahdata", Country: "MY", Legal: "Tanah Data Berhad"},
	}
	c.Facilities = []events.FacilityDeclared{
		{
			Facility: "kul-1", Country: "MY", Landlord: "tanahdata", Occupants: []string{"nimbus-my", "stratus-my"},
			Name: "Cyberjaya Campus 1", State: "Selangor", Address: "Lot 12, Persiaran Awan, 63000 Cyberjaya, Selangor", Regions: []string{"nimbus-my-central-1", "stratus-malaysia-a"},
		},
		{
			Facility: "kul-2", Country: "MY", Landlord: "stratus-my", Occupants: []string{"stratus-my"},
			Name: "Cyberjaya Campus 2", State: "Selangor", Address: "Lot 40, Persiaran Awan, 63000 Cyberjaya, Selangor", Regions: []string{"stratus-malaysia-b"},
		},
		{
			Facility: "jhb-1", Country: "MY", Landlord: "tanahdata", Occupants: []string{"nimbus-my"},
			Name: "Johor Campus 1", State: "Johor", Address: "Plot 7, Jalan Data, 79200 Iskandar Puteri, Johor", Regions: []string{"nimbus-my-south-1"},
		},
		{
			Facility: "pen-1", Country: "MY", Landlord: "nimbus-my", Occupants: []string{"nimbus-my"},
			Name: "Bayan Lepas Edge 1", State: "Pulau Pinang", Address: "Plot 3, Lebuh Awan, 11900 Bayan Lepas, Pulau Pinang", Regions: []string{"nimbus-my-north-1"},
		},
	}
	for i := range c.Facilities {
		c.Facilities[i].TimeZone = "Asia/Kuala_Lumpur"
	}
	for _, f := range c.Facilities {
		c.declare(f.Landlord, f.Facility, "badges", events.RecorderBadge)
		for _, occupant := range f.Occupants {
			c.declare(occupant, f.Facility, "approvals", events.RecorderApprovals)
			c.declare(occupant, f.Facility, "bastion", events.RecorderBastion)
			c.declare(occupant, f.Facility, "control-plane", events.RecorderControlPlane)
		}
	}
	from := c.sometime()
	c.cut = cut{facility: "pen-1", from: from, to: from.Add(cutFor)}
}

func (c *Country) declare(operator, facility, name string, kind events.RecorderKind) {
	r := recorder(operator, facility, name)
	c.habits[r] = c.habitOf(kind)
	c.Recorders = append(c.Recorders, events.RecorderDeclared{
		Recorder: r.String(), Kind: kind, AttestEverySeconds: events.Integer(attestEvery / time.Second),
	})
}

func recorder(operator, facility, name string) events.Recorder {
	r, err := events.ParseRecorder(operator + "/" + facility + "/" + name)
	if err != nil {
		panic(err) // the names are this package's own
	}
	return r
}

func (c *Country) operator(name string) Operator {
	return c.Operators[slices.IndexFunc(c.Operators, func(o Operator) bool { return o.Name == name })]
}

// End is when the day ends.
func (c *Country) End() time.Time { return c.end }

// Events returns how many events are delivered, attestations not counted.
func (c *Country) Events() int { return len(c.records) }

package projections

import (
	"encoding/json"
	"fmt"

	"github.com/saksi-ledger/saksi/projections/store"
)

// catalog is views with where their tables lie.
type catalog struct {
	views  []*View
	layout store.Layout
	tables map[*schema]int // places in the layout
	states map[*schema]int
	byName map[string]*View
}

// newCatalog checks views and lays out their tables. The first table of a view has
// its name, the others view.table.
func newCatalog(views []*View) (*catalog, error) {
	c := &catalog{views: views, tables: map[*schema]int{}, states: map[*schema]int{}, byName: map[string]*View{}}
	type stamp struct {
		View    string
		Version int
		Tables  []store.Table
		States  []string
	}
	var stamps []stamp
	for _, v := range views {
		if !validName(v.Name) {
			return nil, fmt.Errorf("view %q: a name is of a-z, 0-9 and -", v.Name)
		}
		if c.byName[v.Name] != nil {
			return nil, fmt.Errorf("two views are named %s", v.Name)
		}
		if len(v.Tables) == 0 || v.Tables[0].schema().isState() {
			return nil, fmt.Errorf("view %s: the first of its Tables is not a table", v.Name)
		}
		c.byName[v.Name] = v
		s := stamp{View: v.Name, Version: v.Version}
		for i, t := range v.Tables {
			sch := t.schema()
			if sch.err != nil {
				return nil, fmt.Errorf("view %s: %w", v.Name, sch.err)
			}
			name := v.Name + "." + sch.name
			if i == 0 {
				name = v.Name
			} else if !validName(sch.name) {
				return nil, fmt.Errorf("view %s: table %q: a name is of a-z, 0-9 and -", v.Name, sch.name)
			}
			_, table := c.tables[sch]
			_, state := c.states[sch]
			if c.taken(name) || table || state {
				return nil, fmt.Errorf("view %s: two tables or states are named %s, or one is another view's too", v.Name, sch.name)
			}
			if sch.isState() {
				c.states[sch] = len(c.layout.States)
				c.layout.States = append(c.layout.States, name)
				s.States = append(s.States, name)
				continue
			}
			c.tables[sch] = len(c.layout.Tables)
			c.layout.Tables = append(c.layout.Tables, sch.stored(name))
			s.Tables = append(s.Tables, sch.stored(name))
		}
		stamps = append(stamps, s)
	}
	b, err := json.Marshal(stamps)
	c.layout.Stamp = string(b)
	return c, err
}

func (c *catalog) taken(name string) bool {
	for _, t := range c.layout.Tables {
		if t.Name == name {
			return true
		}
	}
	for _, s := range c.layout.States {
		if s == name {
			return true
		}
	}
	return false
}

func (s *schema) stored(name string) store.Table {
	t := store.Table{Name: name, Order: s.order}
	for _, c := range s.columns {
		t.Columns = append(t.Columns, store.Column{Name: c.Name, Type: c.Kind.stored(), Index: c.Indexed})
	}
	return t
}

func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && s[0] != '-' && len(s) <= 40
}

package projections

import (
	"context"
	"fmt"
	"slices"

	"github.com/saksi-ledger/saksi/projections/store"
)

// facilityName is the column that pages have beside a view's own, where the registry's names of facilities are known.
// Nobody can ask by it: rows keep the facility's id, and the name is looked up for the size of the page.
var facilityName = Column{Name: "facilityName", Kind: KindText, Doc: "what the registry calls the facility, at the size of the page; no condition can name it"}

const (
	facilityColumn = "facility"
	operatorColumn = "operator"
	nameColumn     = "name"
)

// ShownColumns returns the columns of the pages of a view that has these columns, among these views: its own, and the
// facility's name where pages show it.
func ShownColumns(views []*View, columns []Column) []Column {
	if slices.ContainsFunc(columns, isFacility) && slices.ContainsFunc(views, namesFacilities) {
		return append(slices.Clone(columns), facilityName)
	}
	return columns
}

func isFacility(c Column) bool { return c.Name == facilityColumn && c.Kind == KindText }

func namesFacilities(v *View) bool { return v.NamesFacilities }

// namingFor returns the table that has the names of the facilities in a table's rows, or nil.
func (s *Store) namingFor(sch *schema) *schema {
	if i := slices.IndexFunc(s.catalog.views, namesFacilities); i >= 0 && slices.ContainsFunc(sch.public(), isFacility) {
		return s.catalog.views[i].Tables[0].schema()
	}
	return nil
}

// nameFacilities puts the names that facilities had at the size of a page into its rows.
func (s *Store) nameFacilities(ctx context.Context, snapshot store.Snapshot, naming *schema, page *Page) error {
	ids := map[string]string{}
	var values []string
	of := func(r *Row) string {
		id, _ := r.Cells()[facilityColumn].(string)
		return id
	}
	for i := range page.Rows {
		if id := of(&page.Rows[i]); id != "" && !slices.Contains(values, id) {
			values = append(values, id)
		}
	}
	if len(values) == 0 {
		return nil
	}
	where, err := naming.where(Condition{operatorColumn, Equal, ""})
	if err != nil {
		return err
	}
	within, err := naming.among(Among{Columns: []string{facilityColumn}, Values: values})
	if err != nil {
		return err
	}
	sel := store.Select{Limit: len(values), Filter: store.Filter{
		Table: s.catalog.tables[naming], Where: where, Within: []store.Among{within},
		AsOf: page.Size, Newest: page.Size == snapshot.Position().Size,
	}}
	err = snapshot.Versions(ctx, &sel, func(v store.Version) error {
		row, err := naming.decode(v.Values)
		if err != nil {
			return fmt.Errorf("facility %q: %w", v.Key, err)
		}
		cells := Row{Value: row, schema: naming}.Cells()
		id, _ := cells[facilityColumn].(string)
		ids[id], _ = cells[nameColumn].(string)
		return nil
	})
	if err != nil {
		return fmt.Errorf("names of facilities: %w", err)
	}
	for i := range page.Rows {
		page.Rows[i].FacilityName = ids[of(&page.Rows[i])]
	}
	return nil
}

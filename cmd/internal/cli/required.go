package cli

import (
	goversion "github.com/hashicorp/go-version"

	"github.com/pylock-dev/pylock/project"
)

// checkRequiredVersion refuses to run where the settings ask for another
// pylock.
func checkRequiredVersion(vs project.Values) error {
	v, ok := vs["required-version"]
	if !ok {
		return nil
	}
	fail := func(msg string) error { return &project.InputError{Place: v.Place, Msg: "required-version: " + msg} }
	want, err := goversion.NewConstraint(v.Texts[0])
	if err != nil {
		return fail(err.Error() + ": write it like >=0.3,<0.5")
	}
	is, err := goversion.NewVersion(release)
	if err != nil {
		return fail(err.Error())
	}
	if !want.Check(is) {
		return fail("this is pylock " + release + ", and " + want.String() + " is required: install such a version")
	}
	return nil
}

package main

import (
	"fmt"

	"buildrelay/auth"
	"buildrelay/relay/pipe"
)

// checkSealing tells that the logs of an app are to be sealed, and there is nothing to seal them
// with.
func (c *Config) checkSealing(apps []auth.App) error {
	if c.KeysFile != "" {
		return nil
	}
	for _, app := range apps {
		if app.Seal.On() {
			return fmt.Errorf("the logs of app %q are to be sealed (%s), but RELAY_KEYS_FILE is not set: it must name the keys ('buildrelay keys create' makes them)",
				app.ID, app.Seal)
		}
	}
	return nil
}

// mostSealedData is how much data an event of pipe may have, in bytes, so that the log takes it
// sealed.
const mostSealedData = 95 << 10

// checkSealedPipe tells that events of pipe could be too large for the log.
func checkSealedPipe(app auth.App, p pipe.Config) error {
	if !app.Seal.On() || p.MaxData <= mostSealedData {
		return nil
	}
	return fmt.Errorf("--max-data is %d: it must be at most %d, as the logs of app %q are sealed, which makes events larger", p.MaxData, mostSealedData, app.ID)
}

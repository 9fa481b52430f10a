import * as contract from '../../constructs/contract.js';
import { renderPython } from '../../scripts/contract.js';

describe('the generated Python contract', () => {
  it('has a constant for each scalar and a dict for each object', () => {
    const python = renderPython({ PROTOCOL_VERSION: 1, LABELS: { LAUNCH_ID: 'a/b' }, PORTS: { POSTGRES: 5432 } });

    expect(python).toContain('PROTOCOL_VERSION: Final = 1\n');
    expect(python).toContain('LABELS: Final[dict[str, str]] = {\n    "LAUNCH_ID": "a/b",\n}\n');
    expect(python).toContain('PORTS: Final[dict[str, int]] = {\n    "POSTGRES": 5432,\n}\n');
  });

  it('holds every constant of the contract', () => {
    const python = renderPython(contract);

    for (const name of Object.keys(contract)) {
      expect(python).toMatch(new RegExp(`^${name}: Final`, 'm'));
    }
  });
});

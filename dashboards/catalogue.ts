import { hardenDashboard } from './harden.ts';
import { investigateDashboard } from './investigate.ts';
import { robustnessDashboard } from './robustness.ts';
import type { BuiltDashboard } from './parts/dashboard.ts';
import { sidecarHealthDashboard } from './sidecar-health.ts';

/** Every dashboard, by the name of its file in json/. */
export const DASHBOARDS: Readonly<Record<string, () => BuiltDashboard>> = {
  robustness: robustnessDashboard,
  investigate: investigateDashboard,
  harden: hardenDashboard,
  'sidecar-health': sidecarHealthDashboard,
};

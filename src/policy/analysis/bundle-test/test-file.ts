import type { SourceSpan } from '#base';
import type { Acr, ReasonCode, Tier } from '#model';

/** A person who asks. The key under which one is declared is the id that policies see. */
export interface TestPerson {
  readonly name: string;
  readonly email: string;
  readonly groups: readonly string[];
  readonly status: 'invited' | 'active' | 'disabled';
}

/** An app that is asked for. */
export interface TestApp {
  readonly tier: Tier;
  readonly device: 'any' | 'known' | 'managed' | 'healthy';
  readonly host: string;
  readonly asset?: TestAsset;
}

/** What an app gives access to. */
export interface TestAsset {
  readonly kind: string;
  readonly account: string;
  readonly region: string;
  readonly tier: Tier;
  readonly labels: Readonly<Record<string, string>>;
}

/** One end of a connection. */
export interface TestWorkload {
  readonly segments: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** How and from where somebody asks. Ages in milliseconds before the moment of the question. */
export interface TestCircumstances {
  readonly session: Acr;
  readonly methods: readonly string[];
  readonly signedInAgo: number;
  readonly device: 'none' | 'foreign' | 'known' | 'managed' | 'healthy' | 'unhealthy';
  readonly failing: readonly string[];
  readonly checkedAgo: number;
  readonly userRisk: number;
  readonly deviceRisk: number;
  readonly method: string;
  readonly path: string;
  readonly address: string;
  readonly at: number;
  readonly tls: boolean;
}

/** What a test asks: everybody named, of everything named. */
export type TestQuestion =
  | {
      readonly about: 'app';
      readonly who: readonly string[];
      readonly apps: readonly string[];
      readonly given: TestCircumstances;
    }
  | {
      readonly about: 'cordon';
      readonly who: readonly string[];
      readonly does: 'view' | 'manage';
      readonly given: TestCircumstances;
    }
  | {
      readonly about: 'connection';
      readonly from: readonly string[];
      readonly to: readonly string[];
      readonly protocol: 'tcp' | 'udp';
      readonly port: number;
    };

/** One test: a question and what the answer has to be. */
export interface PolicyTest {
  readonly name: string;
  readonly source: SourceSpan;
  readonly question: TestQuestion;
  readonly expect: 'permit' | 'forbid';
  /** One of the reasons of the decision. */
  readonly reason?: ReasonCode;
  /** Exactly the determining policies, by id, or by the part of the id after `#`. */
  readonly policies?: readonly string[];
}

/** A file of tests, checked: every name in a test is declared. */
export interface PolicyTestFile {
  readonly file: string;
  readonly people: Readonly<Record<string, TestPerson>>;
  /** Group -> groups it is inside of. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  readonly apps: Readonly<Record<string, TestApp>>;
  readonly workloads: Readonly<Record<string, TestWorkload>>;
  readonly tests: readonly PolicyTest[];
}

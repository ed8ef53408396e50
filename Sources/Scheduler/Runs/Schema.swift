import GRDB

/// The state file's tables and views.
///
/// Tables are the engine's own and change with migrations; the views named `v1_…` are a promise to
/// dashboards and users, kept by every later schema (a `v2_…` would stand beside them). `docs/state.md`
/// describes them column by column. What grows with the number of tasks (`attempt`, `result`) is an append
/// log in the order things happened, without an index: a row in id order costs a tenth of one in random order.
/// Totals that a status page needs are therefore kept per stage, in `stage`, by the writer.
///
/// Schema history:
/// 1. runs, stages, attempts, results, samples, failures, rejects, events; views v1.
/// 2. attempts as small integers with the results that lie in their rows; attempt numbers, scratch, retried failures.
enum Schema {
  static let version = 2

  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { db in
      try db.execute(sql: tables1)
      try db.execute(sql: "PRAGMA user_version = 1")
    }
    migrator.registerMigration("2") { db in
      for view in ["ops", "runs", "tasks", "running", "failures", "retries", "rejects", "memory", "results", "events"] {
        try db.execute(sql: "DROP VIEW IF EXISTS v1_\(view)")
      }
      try db.execute(sql: tables2)
      try db.execute(sql: views1)
      try db.execute(sql: "PRAGMA user_version = 2")
    }
    return migrator
  }

  /// Times are seconds since 1970; sizes are bytes.
  private static let tables1 = """
    CREATE TABLE run (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL,
      file TEXT NOT NULL,
      folder TEXT NOT NULL,           -- where the command was given
      command TEXT NOT NULL,          -- as typed
      settings TEXT NOT NULL,         -- JSON: what `resume` needs to do the same again
      state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'interrupted', 'died')),
      pid INTEGER NOT NULL,
      workers INTEGER NOT NULL,
      memory_limit INTEGER NOT NULL,
      started_at REAL NOT NULL,
      seen_at REAL NOT NULL,          -- last sign of life
      ended_at REAL,
      rss INTEGER NOT NULL DEFAULT 0,
      peak_rss INTEGER NOT NULL DEFAULT 0,
      spilled_bytes INTEGER NOT NULL DEFAULT 0,
      resumes INTEGER,                -- the run it continues
      reason TEXT                     -- why it ended early
    );
    CREATE TABLE stage (
      run INTEGER NOT NULL,
      number INTEGER NOT NULL,
      name TEXT NOT NULL,
      op TEXT NOT NULL,
      op_version INTEGER NOT NULL,
      shape TEXT NOT NULL,
      parameters TEXT NOT NULL,       -- JSON object
      inputs TEXT NOT NULL,           -- JSON array of names
      tasks INTEGER NOT NULL,         -- all of them
      planned INTEGER NOT NULL,       -- those that this run has to run
      reused INTEGER NOT NULL,        -- results of earlier runs that this run reads
      done INTEGER NOT NULL DEFAULT 0,
      failed INTEGER NOT NULL DEFAULT 0,
      skipped INTEGER NOT NULL DEFAULT 0,
      rejects INTEGER NOT NULL DEFAULT 0,
      rows INTEGER NOT NULL DEFAULT 0,
      bytes_out INTEGER NOT NULL DEFAULT 0,
      busy_seconds REAL NOT NULL DEFAULT 0,
      first_start REAL,
      last_end REAL,
      PRIMARY KEY (run, number)
    ) WITHOUT ROWID;
    CREATE TABLE attempt (
      id INTEGER PRIMARY KEY,
      run INTEGER NOT NULL,
      stage INTEGER NOT NULL,
      level INTEGER NOT NULL,         -- 0 partition, 1… combining level, -1 the stage's one final task
      idx INTEGER NOT NULL,
      outcome TEXT NOT NULL,          -- done, failed, cancelled
      reason TEXT NOT NULL,           -- why it ran
      started_at REAL NOT NULL,
      ended_at REAL NOT NULL,
      worker INTEGER NOT NULL,
      cpu_seconds REAL NOT NULL,
      rows INTEGER,
      bytes_in INTEGER NOT NULL,
      bytes_out INTEGER NOT NULL,
      estimated_bytes INTEGER NOT NULL
    );
    CREATE TABLE running (
      run INTEGER NOT NULL,
      stage INTEGER NOT NULL,
      level INTEGER NOT NULL,
      idx INTEGER NOT NULL,
      label TEXT,
      started_at REAL NOT NULL,
      worker INTEGER NOT NULL
    );
    CREATE TABLE result (
      id INTEGER PRIMARY KEY,
      fingerprint BLOB NOT NULL,      -- XXH3-128 of op, version, parameters, inputs
      run INTEGER NOT NULL,
      stage TEXT NOT NULL,
      level INTEGER NOT NULL,
      idx INTEGER NOT NULL,
      store TEXT NOT NULL CHECK (store IN ('inline', 'spill', 'kept', 'output')),
      kind TEXT NOT NULL,             -- of value
      value BLOB,                     -- the value itself where inline or output
      path TEXT,                      -- the file that holds it, or that it is
      bytes INTEGER NOT NULL,
      rows INTEGER,
      at REAL NOT NULL
    );
    CREATE TABLE input_file (
      run INTEGER NOT NULL,
      stage INTEGER NOT NULL,
      idx INTEGER NOT NULL,
      path TEXT NOT NULL,
      bytes INTEGER NOT NULL,
      modified INTEGER NOT NULL,      -- nanoseconds since 1970
      PRIMARY KEY (run, stage, idx)
    ) WITHOUT ROWID;
    CREATE TABLE failure (
      id INTEGER PRIMARY KEY,
      run INTEGER NOT NULL,
      stage INTEGER NOT NULL,
      level INTEGER NOT NULL,
      idx INTEGER NOT NULL,
      label TEXT,
      code TEXT NOT NULL,
      message TEXT NOT NULL,
      file TEXT,
      record TEXT,
      cause TEXT,
      skipped INTEGER NOT NULL,       -- tasks that could not run because of it
      at REAL NOT NULL
    );
    CREATE TABLE reject (
      id INTEGER PRIMARY KEY,
      run INTEGER NOT NULL,
      stage INTEGER NOT NULL,
      level INTEGER NOT NULL,
      idx INTEGER NOT NULL,
      label TEXT,
      records INTEGER NOT NULL,
      path TEXT NOT NULL
    );
    CREATE TABLE sample (
      id INTEGER PRIMARY KEY,
      run INTEGER NOT NULL,
      at REAL NOT NULL,
      rss INTEGER NOT NULL,           -- what the kernel measures
      believed INTEGER NOT NULL,      -- what the budget thinks is used, the idle program included
      spilled_now INTEGER NOT NULL,   -- in spill files at that moment
      spilled_total INTEGER NOT NULL, -- written since the run began
      done INTEGER NOT NULL,
      running INTEGER NOT NULL
    );
    CREATE TABLE event (
      id INTEGER PRIMARY KEY,
      run INTEGER NOT NULL,
      at REAL NOT NULL,
      kind TEXT NOT NULL,
      message TEXT NOT NULL
    );
    """

  private static func cases(_ column: String, _ texts: [String]) -> String {
    "CASE \(column) " + texts.enumerated().map { "WHEN \($0.offset) THEN '\($0.element)'" }.joined(separator: " ")
      + " END"
  }

  /// A reason's or an outcome's word as its number.
  private static func number(_ column: String, _ texts: [String]) -> String {
    "CASE \(column) " + texts.enumerated().map { "WHEN '\($0.element)' THEN \($0.offset)" }.joined(separator: " ")
      + " ELSE 0 END"
  }

  private static let outcomes = ["done", "failed", "cancelled", "timeout"]

  private static let tables2 = """
    ALTER TABLE attempt RENAME TO attempt1;
    CREATE TABLE attempt (
      id INTEGER PRIMARY KEY,
      run INTEGER NOT NULL,
      stage INTEGER NOT NULL,
      level INTEGER NOT NULL,         -- 0 partition, 1… combining level, -1 the stage's one final task
      idx INTEGER NOT NULL,
      number INTEGER NOT NULL,        -- from 1, failed attempts of earlier runs included
      outcome INTEGER NOT NULL,       -- 0 done, 1 failed, 2 cancelled, 3 timed out
      reason INTEGER NOT NULL,        -- why it ran: see the view
      started INTEGER NOT NULL,       -- microseconds since the run's started_at
      duration INTEGER NOT NULL,      -- microseconds
      cpu INTEGER NOT NULL,           -- microseconds
      worker INTEGER NOT NULL,
      rows INTEGER,
      bytes_in INTEGER NOT NULL,
      bytes_out INTEGER NOT NULL,
      estimated INTEGER NOT NULL,     -- bytes
      scratch INTEGER NOT NULL,       -- bytes measured beyond inputs; 0 where it was too short to be seen
      fingerprint BLOB,               -- of a result that lies in this row
      kind TEXT,
      value BLOB
    );
    INSERT INTO attempt (id, run, stage, level, idx, number, outcome, reason, started, duration, cpu, worker, rows,
      bytes_in, bytes_out, estimated, scratch)
    SELECT a.id, a.run, a.stage, a.level, a.idx, 1, \(number("outcome", outcomes)), \(number("a.reason", RunReason.codes)),
      CAST((a.started_at - r.started_at) * 1e6 AS INTEGER), CAST((a.ended_at - a.started_at) * 1e6 AS INTEGER),
      CAST(a.cpu_seconds * 1e6 AS INTEGER), a.worker, a.rows, a.bytes_in, a.bytes_out, a.estimated_bytes, 0
    FROM attempt1 a JOIN run r ON r.id = a.run;
    DROP TABLE attempt1;
    ALTER TABLE failure ADD COLUMN retried INTEGER NOT NULL DEFAULT 0;  -- whether another attempt followed
    -- Spill files of schema 1 are not read any more: their results are computed again.
    DELETE FROM result WHERE store = 'spill';
    """

  private static let key = """
    s.name || CASE level WHEN -1 THEN '' WHEN 0 THEN '[' || idx || ']' ELSE '[' || level || '.' || idx || ']' END
    """

  private static let views1 = """
    CREATE VIEW v1_ops AS
    SELECT s.run, s.number, s.name, s.op, s.shape, s.tasks, s.planned, s.reused, s.done, s.failed, s.skipped,
      (SELECT count(*) FROM running g WHERE g.run = s.run AND g.stage = s.number) AS running,
      s.rejects, s.rows, s.bytes_out, s.busy_seconds,
      max(0, coalesce(CASE WHEN s.done + s.failed + s.skipped >= s.planned THEN s.last_end END, r.ended_at, r.seen_at)
        - s.first_start) AS elapsed_seconds,
      s.done / max(0.001, coalesce(CASE WHEN s.done + s.failed + s.skipped >= s.planned THEN s.last_end END,
        r.ended_at, r.seen_at) - s.first_start) AS rate,
      CASE WHEN r.state = 'running' AND s.done > 0 AND s.done < s.planned
        THEN (s.planned - s.done) * max(0, r.seen_at - s.first_start) / s.done END AS remaining_seconds,
      s.busy_seconds / nullif(s.done + s.failed, 0) AS mean_seconds, s.parameters
    FROM stage s JOIN run r ON r.id = s.run;

    CREATE VIEW v1_runs AS
    SELECT r.id AS run, r.name, r.file, r.state, r.pid, r.workers, r.memory_limit, r.rss, r.peak_rss, r.spilled_bytes,
      r.started_at, r.seen_at, r.ended_at, max(0, coalesce(r.ended_at, r.seen_at) - r.started_at) AS elapsed_seconds,
      t.tasks, t.planned, t.reused, t.done, t.failed, t.skipped, t.rejects, t.rows, t.running,
      t.done / max(0.001, coalesce(r.ended_at, r.seen_at) - r.started_at) AS rate,
      CASE WHEN r.state = 'running' AND t.done > 0
        THEN (t.planned - t.done - t.skipped - t.failed) * (r.seen_at - r.started_at) / t.done END AS remaining_seconds,
      r.resumes, r.reason, r.command, r.settings
    FROM run r JOIN (
      SELECT s.run, sum(tasks) AS tasks, sum(planned) AS planned, sum(reused) AS reused, sum(done) AS done,
        sum(failed) AS failed, sum(skipped) AS skipped, sum(rejects) AS rejects,
        sum(CASE WHEN shape = 'source' THEN rows ELSE 0 END) AS rows,
        (SELECT count(*) FROM running g WHERE g.run = s.run) AS running
      FROM stage s GROUP BY s.run) t ON t.run = r.id;

    CREATE VIEW v1_tasks AS
    SELECT a.run, a.id AS attempt, \(key) AS task, s.name, s.op, \(cases("a.outcome", outcomes)) AS outcome,
      \(cases("a.reason", RunReason.codes)) AS reason, r.started_at + a.started / 1e6 AS started_at,
      r.started_at + (a.started + a.duration) / 1e6 AS ended_at, a.duration / 1e6 AS seconds,
      a.cpu / 1e6 AS cpu_seconds, a.worker, a.rows, a.bytes_in, a.bytes_out, a.estimated AS estimated_bytes,
      a.number, a.scratch AS scratch_bytes
    FROM attempt a JOIN stage s ON s.run = a.run AND s.number = a.stage JOIN run r ON r.id = a.run;

    CREATE VIEW v1_running AS
    SELECT g.run, \(key) AS task, s.name, s.op, g.label, g.worker, g.started_at, max(0, r.seen_at - g.started_at) AS age_seconds
    FROM running g JOIN stage s ON s.run = g.run AND s.number = g.stage JOIN run r ON r.id = g.run;

    CREATE VIEW v1_failures AS
    SELECT f.run, \(key) AS task, s.name, s.op, f.label, f.code, f.message, f.file, f.record, f.cause, f.skipped, f.at
    FROM failure f JOIN stage s ON s.run = f.run AND s.number = f.stage WHERE NOT f.retried;

    CREATE VIEW v1_retries AS
    SELECT f.run, \(key) AS task, s.name, s.op, f.label, f.code, f.message, f.file, f.record, f.cause, f.at
    FROM failure f JOIN stage s ON s.run = f.run AND s.number = f.stage WHERE f.retried;

    CREATE VIEW v1_rejects AS
    SELECT j.run, \(key) AS task, s.name, j.label, j.records, j.path
    FROM reject j JOIN stage s ON s.run = j.run AND s.number = j.stage;

    CREATE VIEW v1_memory AS
    SELECT p.run, p.at, p.at - r.started_at AS elapsed_seconds, p.rss, p.believed, r.memory_limit, p.spilled_now,
      p.spilled_total, p.done, p.running
    FROM sample p JOIN run r ON r.id = p.run;

    CREATE VIEW v1_results AS
    SELECT w.run, w.stage AS name,
      w.stage || CASE level WHEN -1 THEN '' WHEN 0 THEN '[' || idx || ']' ELSE '[' || level || '.' || idx || ']' END AS task,
      w.store, w.kind, w.path, w.bytes, w.rows, w.at, lower(hex(w.fingerprint)) AS fingerprint
    FROM result w
    UNION ALL
    SELECT a.run, s.name, \(key), 'inline', a.kind, NULL, a.bytes_out, a.rows,
      r.started_at + (a.started + a.duration) / 1e6, lower(hex(a.fingerprint))
    FROM attempt a JOIN stage s ON s.run = a.run AND s.number = a.stage JOIN run r ON r.id = a.run
    WHERE a.value IS NOT NULL;

    CREATE VIEW v1_events AS SELECT run, at, kind, message FROM event;
    """
}

"""Poolscope: the map. Start reading here.

One idea: a run is a stream of records. A child process produces them, a journal keeps them, a fold turns them into a
state, a template turns the state into HTML, and one stream carries the HTML to every browser.

    browser ── POST ──▶ web ──▶ runs.bench ──▶ runs.supervisor ──▶ runner process    (standard library, own interpreter)
       ▲                                            ▲                threads · pools · failures
       │                                            │ control: stop, change, pause
       │                                            ▼ records, one JSON object a line
       └── one SSE stream ◀── web.live ◀── fold ◀── runs.journal (SQLite) ◀── pipe
            (HTML, morphed)   ≤ 10/s      pure      append-only

Rooms, in the order in which to read them; imports go downwards only (import-linter holds them to it):

    records      what a runner can say: one frozen dataclass a record
    errors       every error that we raise, as a drawn tree
    runner       the child: recorder, observed lock, pools, workloads; imports the standard library and records alone
    experiments  one folder an experiment: params (what may be asked), body (what happens), state (what it means)
    measure      pure functions on samples: intervals, noise, usable CPUs, break-even
    runs         a run's life in the server: bench (admission), supervisor (the child), journal (SQLite), tape (records)
    web          pages, actions, the live stream, the JSON API, number wording, guards
    settings     one frozen Settings, read once
    main         create_app: builds the parts and joins them
    cli          serve, run, measure, list, doctor

A new experiment is one folder here, one template and one line in experiments.registry.
"""

"""Reads exports back with the readers that their formats' makers publish.

read_exports.py cyclonedx|openlineage|croissant FILE

Prints what was read as JSON; fails where the reader refuses.
"""

import importlib
import json
import sys


def cyclonedx(path):
    from cyclonedx.model.bom import Bom
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    with open(path, encoding="utf-8") as file:
        text = file.read()
    document = json.loads(text)
    version = {"1.6": SchemaVersion.V1_6, "1.7": SchemaVersion.V1_7}[document["specVersion"]]
    wrong = JsonStrictValidator(version).validate_str(text)
    if wrong:
        raise SystemExit(f"cyclonedx-python-lib refuses it: {wrong}")
    bom = Bom.from_json(document)
    licensed = {
        component.name: sorted(license.name for license in component.licenses)
        for component in bom.components
        if component.licenses
    }
    return {
        "subject": bom.metadata.component.name,
        "components": len(bom.components),
        "licensed": licensed,
        "dependencies": len(bom.dependencies),
    }


# Facet by its key, the module and class of openlineage-python.
FACETS = {
    "version": ("dataset_version_dataset", "DatasetVersionDatasetFacet"),
    "ownership": ("ownership_dataset", "OwnershipDatasetFacet"),
    "tags": ("tags_dataset", "TagsDatasetFacet"),
    "test": ("test_run", "TestRunFacet"),
    "jobType": ("job_type_job", "JobTypeJobFacet"),
    "dataQualityAssertions": ("data_quality_assertions_dataset", "DataQualityAssertionsDatasetFacet"),
}


def openlineage(path):
    from openlineage.client import event_v2 as events

    counts = {"runs": 0, "datasets": 0, "facets": 0, "outputs": 0}

    def facets(of):
        for group in ["facets", "inputFacets", "outputFacets"]:
            for key, facet in of.get(group, {}).items():
                module, name = FACETS.get(key, (None, None))
                if module is None:
                    continue
                known = importlib.import_module(f"openlineage.client.generated.{module}")
                body = {k: v for k, v in facet.items() if not k.startswith("_")}
                made = getattr(known, name)(**body)
                if made._get_schema() != facet["_schemaURL"]:
                    raise SystemExit(f"{key}: {made._get_schema()} is not {facet['_schemaURL']}")
                counts["facets"] += 1

    with open(path, encoding="utf-8") as file:
        for line in file:
            event = json.loads(line)
            common = {"eventTime": event["eventTime"], "producer": event["producer"]}
            if "dataset" in event:
                facets(event["dataset"])
                dataset = events.StaticDataset(event["dataset"]["namespace"], event["dataset"]["name"])
                made = events.DatasetEvent(dataset=dataset, **common)
                counts["datasets"] += 1
            else:
                for entity in [event["run"], event["job"], *event["inputs"], *event["outputs"]]:
                    facets(entity)
                made = events.RunEvent(
                    run=events.Run(event["run"]["runId"]),
                    job=events.Job(event["job"]["namespace"], event["job"]["name"]),
                    eventType=events.RunState[event["eventType"]],
                    inputs=[events.InputDataset(d["namespace"], d["name"]) for d in event["inputs"]],
                    outputs=[events.OutputDataset(d["namespace"], d["name"]) for d in event["outputs"]],
                    **common,
                )
                counts["runs"] += 1
                counts["outputs"] = max(counts["outputs"], len(made.outputs))
            if made.schemaURL != event["schemaURL"]:
                raise SystemExit(f"{made.schemaURL} is not {event['schemaURL']}")
    return counts


def croissant(path):
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=path)
    issues = dataset.metadata.ctx.issues
    again = dataset.metadata.to_json()
    return {
        "errors": sorted(issues.errors),
        "warnings": len(issues.warnings),
        "name": dataset.metadata.name,
        "version": str(dataset.metadata.version),
        "files": [file.sha256 for file in dataset.metadata.distribution],
        "prov": sorted(key for key in again if key.startswith("prov:")),
    }


print(json.dumps({"cyclonedx": cyclonedx, "openlineage": openlineage, "croissant": croissant}[sys.argv[1]](sys.argv[2])))

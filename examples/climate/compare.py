"""Compare the two agents of the climate scenario through the Python API and print the findings."""

from pathlib import Path

from jepa_langchain import AlignmentModel, AlignmentReport, load_persona

HERE = Path(__file__).parent


def compare() -> AlignmentReport:
    """Load both agents' statements and compare them with the shipped model."""
    a, b = (load_persona(HERE / name).persona for name in ("A.jsonl", "B.jsonl"))
    return AlignmentModel.load().compare(a, b)


def main() -> None:
    """Print the verdict and every row with its evidence."""
    report = compare()
    print(f"{report.verdict}, score {report.score:.2f}")
    for row in (*report.disagreements, *report.agreements):
        print(f"{row.relation}  p={row.p or 0:.2f}  margin={row.margin:+.2f}")
        print(f"    {row.a.id}: {row.a.text}")
        print(f"    {row.b.id}: {row.b.text}")


if __name__ == "__main__":
    main()

"""``python -m jepa_langchain`` is ``jepa-langchain``; torchrun starts it so."""

from jepa_langchain.cli import main

if __name__ == "__main__":
    main()

"""Class names of data sets whose published weights do not tell them, in the order of their labels."""

OVIS_CLASSES = (
    *('Person', 'Bird', 'Cat', 'Dog', 'Horse', 'Sheep', 'Cow', 'Elephant', 'Bear', 'Zebra', 'Giraffe', 'Poultry'),
    *('Giant_panda', 'Lizard', 'Parrot', 'Monkey', 'Rabbit', 'Tiger', 'Fish', 'Turtle', 'Bicycle', 'Motorcycle'),
    *('Airplane', 'Boat', 'Vehical'),  # spelled so in the data set's files
)
